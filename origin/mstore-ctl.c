/*
 * mstore-ctl - put, get, list and remove the objects of a store, and rule it.
 *
 * See mstore-ctl(1).  Here are the options; ctl.h says what the commands share,
 * and each group of them has a file: ctlput.c, ctlget.c, ctllist.c, ctlrm.c and
 * ctlrule.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "origin/ctl.h"

#define EXPIRES_MAX	(INT64_C(7) * 86400 * CLK_SECOND)	/* of SigV4 */

static const char help[] =
    "usage: mstore-ctl put [options] file ... url\n"
    "       mstore-ctl get [options] url [file]\n"
    "       mstore-ctl ls [options] url\n"
    "       mstore-ctl stat [options] url\n"
    "       mstore-ctl rm [options] url ...\n"
    "       mstore-ctl empty [options] url\n"
    "       mstore-ctl cp [options] url url\n"
    "       mstore-ctl sign [options] url\n"
    "       mstore-ctl policy put|get|rm [options] container kind [file]\n"
    "       mstore-ctl container create|rm|ls|stat [options] [name]\n"
    "      --admin url          policy, container: where mstore-serve is ruled\n"
    "                           [MSTORE_ADMIN]\n"
    "      --cache-control text  put: said to caches with the object\n"
    "  -c, --continue           get: go on with what an earlier run has left\n"
    "      --content-type type  put: what it is [by the ending of its name]\n"
    "      --create             put: fail when there is such an object already\n"
    "      --expires duration   sign: how long the address is good [1h]\n"
    "      --json               ls, stat: a JSON object a line\n"
    "  -l, --long               ls: size and time as well\n"
    "      --method method      sign: for this request [GET]\n"
    "  -j, --parallel number    requests at a time [8; 4 parts of an object]\n"
    "      --part-size size     put: of the parts of a large object, S3 [8Mi]\n"
    "      --range first-last   get: these bytes only\n"
    "  -r, --recursive          put, get, ls, rm: all that is in the folder\n"
    "      --storage-class name  put: such as STANDARD_IA\n"
    "      --streaming          put: it can be read while it comes, http\n"
    "      --token-file file    bearer token for the server\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mstore-ctl put film.mp4 http://127.0.0.1:8080/vod/\n"
    "  mstore-ctl ls -lr 's3://archive/2026/?region=eu-west-1'\n"
    "  mstore-ctl sign --expires 10min s3://archive/2026/film.mp4\n";

enum {
	OPT_ADMIN = 256, OPT_CACHE_CONTROL, OPT_CONTENT_TYPE, OPT_CREATE, OPT_EXPIRES,
	OPT_JSON, OPT_METHOD, OPT_PART_SIZE, OPT_RANGE, OPT_STORAGE_CLASS, OPT_STREAMING,
	OPT_TOKEN_FILE,
};

static const struct option longopts[] = {
	{ "admin", required_argument, NULL, OPT_ADMIN },
	{ "cache-control", required_argument, NULL, OPT_CACHE_CONTROL },
	{ "continue", no_argument, NULL, 'c' },
	{ "content-type", required_argument, NULL, OPT_CONTENT_TYPE },
	{ "create", no_argument, NULL, OPT_CREATE },
	{ "expires", required_argument, NULL, OPT_EXPIRES },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "long", no_argument, NULL, 'l' },
	{ "method", required_argument, NULL, OPT_METHOD },
	{ "parallel", required_argument, NULL, 'j' },
	{ "part-size", required_argument, NULL, OPT_PART_SIZE },
	{ "range", required_argument, NULL, OPT_RANGE },
	{ "recursive", no_argument, NULL, 'r' },
	{ "storage-class", required_argument, NULL, OPT_STORAGE_CLASS },
	{ "streaming", no_argument, NULL, OPT_STREAMING },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	OPT_COMMON_LONG,
};

static const struct command {
	const char *name;
	int (*run)(const struct ctl *c, int argc, char *argv[]);
	int least, most;		/* arguments; most -1: any number */
} commands[] = {
	{ "put", ctl_put, 2, -1 },
	{ "get", ctl_get, 1, 2 },
	{ "ls", ctl_ls, 1, 1 },
	{ "stat", ctl_stat, 1, 1 },
	{ "rm", ctl_rm, 1, -1 },
	{ "empty", ctl_empty, 1, 1 },
	{ "cp", ctl_cp, 2, 2 },
	{ "sign", ctl_sign, 1, 1 },
	{ "policy", ctl_policy, 2, 4 },
	{ "container", ctl_container, 1, 2 },
};

#define NCOMMANDS	(sizeof(commands) / sizeof(commands[0]))

/* The usage line of a command, which is one of help. */
static const char *
usage_of(const struct command *which, char *buf, size_t size)
{
	const char *p;

	snprintf(buf, size, "mstore-ctl %s ", which->name);
	p = strstr(help, buf);
	snprintf(buf, size, "usage: %.*s\n", (int)strcspn(p, "\n"), p);
	return buf;
}

static void
parse_options(struct ctl *c, int argc, char *argv[])
{
	int o;

	while ((o = getopt_long(argc, argv, "cj:lr" OPT_COMMON, longopts, NULL)) != -1)
		switch (o) {
		case OPT_ADMIN:
			c->admin = optarg;
			break;
		case OPT_CACHE_CONTROL:
			c->cache_control = optarg;
			break;
		case 'c':
			c->resume = true;
			break;
		case OPT_CONTENT_TYPE:
			c->content_type = optarg;
			break;
		case OPT_CREATE:
			c->create = true;
			break;
		case OPT_EXPIRES:
			c->expires_ns = opt_duration("expires", optarg);
			break;
		case OPT_JSON:
			c->json = true;
			break;
		case 'l':
			c->long_form = true;
			break;
		case OPT_METHOD:
			c->method = optarg;
			break;
		case 'j':
			c->parallel = (unsigned)opt_number("parallel", optarg, 1,
			    CTL_PARALLEL_MAX);
			break;
		case OPT_PART_SIZE:
			c->part = opt_size("part-size", optarg);
			break;
		case OPT_RANGE:
			c->range = optarg;
			break;
		case 'r':
			c->recursive = true;
			break;
		case OPT_STORAGE_CLASS:
			c->storage_class = optarg;
			break;
		case OPT_STREAMING:
			c->streaming = true;
			break;
		case OPT_TOKEN_FILE:
			c->token_file = optarg;
			break;
		default:
			opt_common(o, help);
		}
}

int
main(int argc, char *argv[])
{
	struct s3 *opened[2] = { NULL };
	struct ctl c = { .opened = opened, .method = "GET",
	    .expires_ns = 3600 * CLK_SECOND, .admin = getenv("MSTORE_ADMIN") };
	const struct command *which = NULL;
	char usage[128];
	int skip = argc > 1 && argv[1][0] != '-' ? 1 : 0, n;

	log_init("mstore-ctl");
	for (size_t i = 0; skip > 0 && i < NCOMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			which = &commands[i];
	parse_options(&c, argc - skip, argv + skip);
	if (skip > 0 && which == NULL)
		opt_usage(help, "unknown command '%s'", argv[1]);
	if (which == NULL)
		opt_usage(help, "no command");
	c.help = usage_of(which, usage, sizeof(usage));
	n = argc - skip - optind;
	if (n < which->least)
		opt_usage(c.help, "%s: not enough arguments", which->name);
	if (which->most >= 0 && n > which->most)
		opt_usage(c.help, "%s: unexpected argument '%s'", which->name,
		    argv[skip + optind + which->most]);
	if (c.part != 0 && (c.part < S3_PART_MIN || c.part > (1U << 30)))
		opt_usage(c.help, "--part-size must be between 5Mi and 1Gi");
	if (c.expires_ns < CLK_SECOND || c.expires_ns > EXPIRES_MAX)
		opt_usage(c.help, "--expires must be between 1s and 168h");
	io_init_filter();
	return which->run(&c, n, argv + skip + optind);
}
