#include "ingest/rtmpstats.h"

static void
set(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer((json_int_t)v));
}

void
rtmpstats_slot(json_t *o, const struct rtmpd_slot *slot)
{
	json_object_set_new(o, "peer", json_string(slot->owner != NULL ? slot->peer : ""));
	json_object_set_new(o, "encoder", json_string(slot->encoder));
	set(o, "rtmp_publishers", slot->begun);
	set(o, "rtmp_refused_busy", slot->busy);
	set(o, "rtmp_video_tags", slot->counts.video);
	set(o, "rtmp_audio_tags", slot->counts.audio);
	set(o, "rtmp_damaged", slot->counts.damaged);
	set(o, "rtmp_unconfigured", slot->counts.unconfigured);
	set(o, "rtmp_left_out", slot->counts.left_out);
	set(o, "rtmp_configs", slot->counts.configs);
	set(o, "rtmp_colour_infos", slot->counts.colours);
}

void
rtmpstats_server(json_t *o, const struct rtmpd_counts *c)
{
	set(o, "rtmp_connections", c->conns);
	set(o, "rtmp_accepted", c->accepted);
	set(o, "rtmp_refused_full", c->full);
	set(o, "rtmp_wrong_keys", c->wrong_keys);
	set(o, "rtmp_refused", c->busy);
	set(o, "rtmp_junk", c->junk);
	set(o, "rtmp_timeouts", c->slow);
	set(o, "rtmp_refused_codecs", c->codecs);
	set(o, "rtmp_broken", c->failed);
}
