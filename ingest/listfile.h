/*
 * listfile.h - the names in a list of files, or of the files in a folder.
 *
 *     one name a line, # before a comment           list.txt, list.m3u
 *     ffconcat version 1.0                          list.ffconcat, list.txt
 *     file 'name'
 *
 * Spec     FFmpeg's concat demuxer, of which file is understood, quoted as there;
 *          what trims a file (inpoint, outpoint) is refused, what describes one passes.
 * Shape    A name is an address of http, https, s3 or file, or a path, which begins at
 *          the folder of the list.
 * Memory   The caller's struct; listfile_clear() gives all back.
 * Threads  Pure functions, but for the files.
 * Errors   -EBADMSG for what is wrong in a list, or another negative errno, with a reason
 *          as text; then there are no names.
 */
#ifndef LISTFILE_H
#define LISTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/why.h"

#define LISTFILE_NAMES	100000
#define LISTFILE_BYTES	(4 << 20)

struct listfile {
	char	**name;
	unsigned n, room;
};

void listfile_clear(struct listfile *l);

/* Takes name, which may be NULL: -ENOMEM.  -E2BIG: there are too many. */
int listfile_add(struct listfile *l, char *name);

/* By names, and the numbers in them; for bsearch(3) and such. */
int listfile_order(const void *a, const void *b);

/* Is this a list, by its name; and with a look into what may be a playlist of HLS. */
bool listfile_named(const char *path);
bool listfile_is(const char *path);

/* The text of a list at path. */
int listfile_parse(struct listfile *l, const char *path, const char *text, size_t len,
    char why[static WHY_ROOM]);

/* Read it, or a folder: its media files in the order of their names and numbers. */
int listfile_read(struct listfile *l, const char *path, char why[static WHY_ROOM]);

#endif
