/*
 * fileid.h - is it the same file, by whatever name?
 *
 * Shape    Regular files and named pipes have an identity; devices, sockets and what is
 *          not there have none, and are the same as nothing.
 * Memory   By value.
 * Threads  Pure functions.
 * Errors   None.
 */
#ifndef FILEID_H
#define FILEID_H

#include <stdbool.h>
#include <sys/types.h>

struct file_id {
	bool	 is;			/* else there is none */
	dev_t	 dev;
	ino_t	 ino;
};

struct file_id file_id_of(const char *path);
struct file_id file_id_of_fd(int fd);

/* Of an input or output as it is given; "-" is fd. */
struct file_id file_id_of_address(const char *text, int fd);

bool file_id_same(struct file_id a, struct file_id b);

#endif
