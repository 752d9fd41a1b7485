/*
 * recorder.h - what comes in, as it comes, to a pcapng file: --record.
 *
 * Each input is an interface, called as the input is and described by its address.
 * Datagrams have a made header of IP and UDP, from 192.0.2.1 to the port of the
 * address, so that anything that reads captures shows them; what is not a datagram
 * (a file, a pipe) is groups of packets.  Notes (note.h) make the decisions repeatable.
 *
 * Spec     draft-ietf-opsawg-pcapng, link type 228 (IPv4).
 * Shape    Never waits: see recordq.h.  What there is no room for is counted here and in
 *          the next packet's epb_dropcount.  An error (the disk is full) ends the
 *          recording, with a warning, and nothing else.  Pieces stand alone: each
 *          begins with all inputs that there are.
 * Units    ns on CLOCK_MONOTONIC in, UTC in the file.
 * Memory   recorder_free() gives all back.
 * Threads  One, and the writer's.
 * Errors   Negative errno, with a reason.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/fileid.h"
#include "lib/leg/numbers.h"

struct recorder;

/*
 * path may have the fields %Y %m %d %H %M %S, of UTC, and %%; others are -EINVAL.
 * every_ns 0: one file; else a new one each so often, with a number before its ending if
 * the path has no fields, or they are the same as before.
 */
int recorder_new(struct recorder **rec, const char *path, int64_t every_ns, bool live,
    bool bare);
void recorder_free(struct recorder *rec);

void recorder_leg(struct recorder *rec, unsigned leg, const char *id, const char *text);
void recorder_gone(struct recorder *rec, unsigned leg);
/* above: see leg.h. */
void recorder_datagram(struct recorder *rec, unsigned leg, unsigned above, const uint8_t *p,
    size_t len, int64_t at_ns);

/* The file that it began with. */
struct file_id recorder_file(const struct recorder *rec);

/* The flow is asked what is due at now_ns; for the last time. */
void recorder_turn(struct recorder *rec, int64_t now_ns);
void recorder_end(struct recorder *rec, int64_t now_ns);

void recorder_numbers(const struct recorder *rec, struct numbers *all);

#endif
