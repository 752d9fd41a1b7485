/*
 * lines.h - the lines of a file, one after the other.
 *
 * Errors   A file that cannot be read ends with fatal().
 */
#ifndef SCHEDULE_LINES_H
#define SCHEDULE_LINES_H

/* line(): may change its line, which has no end; name is "file:12". */
void lines_each(const char *path, void (*line)(void *arg, char *line, const char *name),
    void *arg);

#endif
