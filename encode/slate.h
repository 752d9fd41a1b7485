/*
 * slate.h - one picture from a file, by libavcodec.
 *
 * Spec     PNG (W3C, ISO/IEC 15948) and JPEG (ITU-T T.81); which, by its first bytes.
 * Memory   slate_read() gives the frame.
 * Errors   A file that is neither ends the program with EXIT_USAGE.
 */
#ifndef ENCODE_SLATE_H
#define ENCODE_SLATE_H

#include <libavutil/frame.h>

/* "black" is no file, but black. */
AVFrame *slate_read(const char *path);

#endif
