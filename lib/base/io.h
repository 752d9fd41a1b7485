/*
 * io.h - blocking reads and writes that end cleanly.
 *
 * SIGINT and SIGTERM ask a tool to finish what it holds, flush, and exit 0; a
 * second one, a tenth of a second later at least, kills it.  SIGPIPE keeps its default in a filter: when the reader
 * of stdout has gone, so have we.
 *
 * Errors   Negative errno values; nothing is printed.
 */
#ifndef IO_H
#define IO_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Install the signal handlers: filters keep the default of SIGPIPE, servers
 * ignore it and take SIGHUP as a request to reload.
 */
void io_init_filter(void);
void io_init_server(void);

/* End with EXIT_USAGE when fd is a terminal; what is "standard input" or so. */
void io_refuse_terminal(int fd, const char *what);

/* Has a stop been asked for?  And, once for each SIGHUP, a reload? */
bool io_stopping(void);
bool io_reload_asked(void);

/* Ask ourselves to stop, as SIGTERM would. */
void io_stop(void);

/*
 * poll(2) with a timeout in ns (negative: for ever), ended at once by a stop,
 * whenever it came.  Returns the count of ready descriptors, 0 when the time is
 * over, -EINTR for any signal, or another negative errno.
 */
int io_wait(struct pollfd *pfd, unsigned n, int64_t timeout_ns);

/*
 * Wait until fd is readable, then read at most len bytes.  Returns the count, 0
 * at end of file, -EINTR once a stop was asked for, or another negative errno.
 * A hang-up is no error: what the pipe still holds comes first, then 0.
 */
ssize_t io_read(int fd, void *buf, size_t len);

/* Write all len bytes, in however many calls it takes.  Returns 0 or -errno. */
int io_write(int fd, const void *buf, size_t len);

/* Make a folder, seen from the folder at (or AT_FDCWD), and those above it; 0 or -errno. */
int io_make_dirs(int at, const char *path);

#endif
