/*
 * slate.h - one picture from a file, by libavcodec.
 *
 * Spec     PNG (W3C, ISO/IEC 15948) and JPEG (ITU-T T.81); which, by its first bytes.
 * Memory   The frame is given.
 * Errors   A file that is neither ends the program with EXIT_USAGE, but slate_load() has
 *          -EBADMSG for it, and negative errno for one that cannot be read.
 */
#ifndef ENCODE_SLATE_H
#define ENCODE_SLATE_H

#include <libavutil/frame.h>

/* "black" is no file, but black. */
AVFrame *slate_read(const char *path);

int slate_load(const char *path, AVFrame **f);

#endif
