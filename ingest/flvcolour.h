/*
 * flvcolour.h - the HDR metadata that a publisher sends beside its pictures.
 *
 * Spec     Enhanced RTMP v2, "Metadata Frame": values of AMF 0, "colorInfo" and an object,
 *          of which hdrMdcv and hdrCll are taken; anything but an object takes it back.
 * Threads  A pure function.
 */
#ifndef FLVCOLOUR_H
#define FLVCOLOUR_H

#include "lib/media/hdr.h"

/* 0, or -EBADMSG: then it stays as it was. */
int flvcolour_read(struct hdr *h, const uint8_t *p, size_t len);

#endif
