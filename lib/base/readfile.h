/*
 * readfile.h - a file as a whole.
 *
 * Memory   Gives *text, with a 0 behind it that len does not count.
 * Errors   Negative errno values; -EFBIG more than most, -EIO it became shorter.
 */
#ifndef READFILE_H
#define READFILE_H

#include <stddef.h>

int read_file(int dir, const char *name, size_t most, char **text, size_t *len);

#endif
