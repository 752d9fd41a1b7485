/*
 * options.h - the options of mstore-serve.
 *
 * Errors   Those of the user end the process.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "origin/serve.h"

#define OPTIONS_LISTEN	8		/* --listen, at most */

struct options {
	const char *listen[OPTIONS_LISTEN], *admin, *root, *access_log, *stats;
	const char *keys, *token_file, *tls_cert, *tls_key;
	const char *archive;
	unsigned nlisten;
	int	 ready_fd;
	struct httpd_config httpd;
	struct store_config store;
	int64_t	 missing_s;
};

/* Some go into s at once.  Texts are those of argv. */
void options_parse(struct serve *s, struct options *o, int argc, char *argv[]);

#endif
