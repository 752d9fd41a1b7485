/*
 * rtmpstats.h - the counters of the server of RTMP, for lines of --stats.
 *
 * Memory   The object stays the caller's.
 */
#ifndef RTMPSTATS_H
#define RTMPSTATS_H

#include <jansson.h>

#include "ingest/rtmpd.h"

void rtmpstats_slot(json_t *o, const struct rtmpd_slot *slot);
void rtmpstats_server(json_t *o, const struct rtmpd_counts *counts);

#endif
