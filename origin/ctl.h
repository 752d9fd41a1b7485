/*
 * ctl.h - what the commands of mstore-ctl share: options, stores, tasks.
 *
 * Shape    A command is a function of its arguments after the options.  A store
 *          is a struct s3 (lib/net/s3.h), S3 or not.  A pool has a few requests
 *          under way; ctl_free_task() waits for room among them.
 * Memory   The pool frees a task's name and job when the task has ended.
 * Errors   A command ends the program by fatal(), or returns its exit status.
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/net/s3.h"

#define CTL_PARALLEL	8
#define CTL_PARALLEL_MAX 64

struct ctl {
	const char *help;		/* the usage line of the command */
	struct s3 **opened;		/* the last two: no leak at an early end */
	const char *admin, *cache_control, *content_type, *method, *range;
	const char *storage_class, *token_file;
	bool	 create, json, long_form, recursive, resume, streaming;
	uint64_t expires_ns;
	size_t	 part;
	unsigned parallel;
};

/* The store of an address, or a usage error. */
struct s3 *ctl_open(const struct ctl *c, const char *url);

/* End, because a request for a name failed with err: of the store's last reason. */
_Noreturn void ctl_fatal(const struct s3 *s, int err, const char *what,
    const char *name);

/* A key as a folder: "" or with / at its end.  Usage error when too long. */
void ctl_folder(const struct ctl *c, const char *key, char out[static S3_KEY_MAX + 2]);

/*
 * Call each() for all items of a folder; deep: without folders, but with what is
 * in them.  key is the whole key.  Returns 0, what each() returned when it was
 * not 0, or the negative errno of a list that failed.
 */
int ctl_walk(struct s3 *s, const char *folder, bool deep,
    int (*each)(void *arg, const struct s3_item *item, const char *key), void *arg);

/* ---- tasks */

struct ctl_task {
	struct s3_job *job;		/* NULL: free for use */
	char	*name;			/* for messages */
	unsigned n;			/* objects it stands for */
	int	 fd;			/* of a file, -1 none: closed at the end */
	int64_t	 offset, size;		/* the command's */
};

struct ctl_pool {
	struct s3 *s;
	unsigned n;
	/* While it runs and once it is done: 0, or a negative errno ends all. */
	int	(*step)(struct ctl_pool *p, struct ctl_task *t);
	void	*user;
	struct ctl_task task[CTL_PARALLEL_MAX];
};

void ctl_pool_init(struct ctl_pool *p, struct s3 *s, unsigned n,
    int (*step)(struct ctl_pool *p, struct ctl_task *t));
int ctl_free_task(struct ctl_pool *p, struct ctl_task **t);	/* 0 or -errno */
int ctl_pool_drain(struct ctl_pool *p);
void ctl_pool_clear(struct ctl_pool *p);

/* ---- commands */

int ctl_put(const struct ctl *c, int argc, char *argv[]);
int ctl_get(const struct ctl *c, int argc, char *argv[]);
int ctl_ls(const struct ctl *c, int argc, char *argv[]);
int ctl_stat(const struct ctl *c, int argc, char *argv[]);
int ctl_rm(const struct ctl *c, int argc, char *argv[]);
int ctl_empty(const struct ctl *c, int argc, char *argv[]);
int ctl_cp(const struct ctl *c, int argc, char *argv[]);
int ctl_sign(const struct ctl *c, int argc, char *argv[]);
int ctl_policy(const struct ctl *c, int argc, char *argv[]);
int ctl_container(const struct ctl *c, int argc, char *argv[]);

#endif
