/*
 * archiveopt.h - the command line of mlive-archive.
 *
 * Memory   Texts are those of the command line.
 * Errors   fatal() with EXIT_USAGE.
 */
#ifndef ENCODE_ARCHIVEOPT_H
#define ENCODE_ARCHIVEOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/naming.h"
#include "encode/piece.h"
#include "encode/roll.h"

struct archiveopt {
	struct roll_config config;	/* all but regular and what is called */
	enum piece_form form;
	struct naming naming;
	const char *output, *name, *show;	/* show: "" if not said */
	const char *spool_said, *stats_target, *token_file;	/* or NULL */
	char	 spool_path[4096];
	int64_t	 sync_ns;
	uint64_t spool_max, list;
};

/* Zeroed before. */
void archiveopt_parse(struct archiveopt *o, int argc, char *argv[]);

#endif
