/*
 * hlsvariant.h - the two tags that make up a multivariant playlist.
 *
 * Spec     draft-pantos-hls-rfc8216bis 4.4.6.1 (EXT-X-MEDIA), 4.4.6.2 and 4.4.6.3
 *          (EXT-X-STREAM-INF, EXT-X-I-FRAME-STREAM-INF).
 * Memory   The strings borrow the list, which is written to: see hls_attr_keep().
 * Threads  Pure functions.
 * Errors   -EBADMSG.
 */
#ifndef HLSVARIANT_H
#define HLSVARIANT_H

#include "lib/media/hls.h"

/* v->iframes is set: the URI is among the attributes. */
int hls_variant_parse(struct hls_variant *v, const char *list);

/* 0, or 1: of a kind to come, to be left out. */
int hls_rendition_parse(struct hls_rendition *m, const char *list);

#endif
