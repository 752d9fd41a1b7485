#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/leg/grants.h"
#include "transport/relaygrant.h"

#define MOST_NS		(INT64_C(100) * 366 * 86400 * CLK_SECOND)
#define SECRET_BYTES	20

static const char help[] =
    "usage: mconnect-relay grant [options] -f FILE NAME\n"
    "      --cidr NETWORK       only from there; may be said again\n"
    "      --expires WHEN       a time such as 2027-01-01T00:00:00Z, or 24h from now\n"
    "  -f, --file FILE          the file of grants, which is made if there is none\n"
    "      --max-rate RATE      no more than that\n"
    "      --streamid ID        by which it is known [NAME]\n"
    "      --url URL            where to call, such as srt://relay.example:7001\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mconnect-relay grant -f grants.json --expires 24h --url srt://relay:7001 studio\n";

enum { OPT_CIDR = 256, OPT_EXPIRES, OPT_MAX_RATE, OPT_STREAMID, OPT_URL };

static const struct option longopts[] = {
	{ "cidr", required_argument, NULL, OPT_CIDR },
	{ "expires", required_argument, NULL, OPT_EXPIRES },
	{ "file", required_argument, NULL, 'f' },
	{ "max-rate", required_argument, NULL, OPT_MAX_RATE },
	{ "streamid", required_argument, NULL, OPT_STREAMID },
	{ "url", required_argument, NULL, OPT_URL },
	OPT_COMMON_LONG,
};

struct asked {
	const char *file, *url;
	json_t *entry;
};

/* A time of the day, or a duration from now. */
static void
set_expires(const struct asked *a, const char *arg)
{
	static const struct opt_unit units[] = {
		{ "ms", CLK_SECOND / 1000 }, { "s", CLK_SECOND }, { "min", 60 * CLK_SECOND },
		{ "h", 3600 * CLK_SECOND }, { NULL, 0 },
	};
	char text[CLK_ISO];
	uint64_t left;
	int64_t at;

	if (clk_parse_iso(arg, &at) < 0) {
		if (opt_scaled(arg, units, &left) < 0 || left > MOST_NS)
			fatal(EXIT_USAGE, 0, "--expires '%s' is neither a time such as "
			    "2027-01-01T00:00:00Z nor one from now such as 24h", arg);
		at = clk_utc_ns() + (int64_t)left;
	}
	if (at <= clk_utc_ns())
		log_warn(0, "--expires '%s' is over", arg);
	clk_iso(at, text);
	json_object_set_new(a->entry, "expires", json_string(text));
}

static void
add_net(const struct asked *a, const char *arg)
{
	json_t *list = json_object_get(a->entry, "cidr");
	struct grants_net net;

	if (grants_parse_net(arg, &net) < 0)
		fatal(EXIT_USAGE, 0, "--cidr '%s' is no network such as 10.0.0.0/8", arg);
	if (list == NULL)
		json_object_set_new(a->entry, "cidr", list = json_array());
	json_array_append_new(list, json_string(arg));
}

static void
set(struct asked *a, int c, const char *arg)
{
	switch (c) {
	case OPT_CIDR:
		add_net(a, arg);
		break;
	case OPT_EXPIRES:
		set_expires(a, arg);
		break;
	case 'f':
		a->file = arg;
		break;
	case OPT_MAX_RATE:
		json_object_set_new(a->entry, "max_rate",
		    json_integer((json_int_t)opt_rate("max-rate", arg)));
		break;
	case OPT_STREAMID:
		if (json_object_set_new(a->entry, "streamid", json_string(arg)) < 0)
			fatal(EXIT_USAGE, 0, "--streamid '%s' is not UTF-8", arg);
		break;
	case OPT_URL:
		if (strncmp(arg, "srt://", 6) != 0 || strchr(arg, '?') != NULL)
			fatal(EXIT_USAGE, 0, "--url '%s' is not like srt://relay.example:7001",
			    arg);
		a->url = arg;
		break;
	default:
		opt_common(c, help);
	}
}

/* ---- the file */

/* What is in it, which must not have one like e. */
static json_t *
load(const char *path, const struct grant *e)
{
	struct grants all = { .n = 0 };
	char why[GRANTS_WHY];
	json_t *root;
	bool there;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return json_pack("{s:[]}", "grants");
	if (grants_read(&all, path, why) < 0)
		fatal(EXIT_RUNTIME, 0, "'%s': %s", path, why);
	there = grants_named(&all, e->name) != NULL || grants_find(&all, e->streamid) != NULL;
	grants_free(&all);
	if (there)
		fatal(EXIT_RUNTIME, 0, "'%s' has one of that name or stream id: '%s'", path,
		    e->name);
	if ((root = json_load_file(path, 0, NULL)) == NULL)
		fatal(EXIT_RUNTIME, 0, "cannot read '%s'", path);
	return root;
}

/* Only one changes a file at a time: it has the folder locked.  Ends with the process. */
static void
lock(const char *path)
{
	char *copy = strdup(path);
	int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot write '%s'", path);
	free(copy);
}

static void
store(const char *path, const json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(1)), *part = NULL;
	struct stat was;
	int fd, err = 0;

	if (text == NULL || asprintf(&part, "%s.XXXXXX", path) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	if ((fd = mkostemp(part, O_CLOEXEC)) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot write '%s'", part);
	/* Whoever could read it still can. */
	if (stat(path, &was) == 0 && (fchown(fd, was.st_uid, was.st_gid) < 0 ||
	    fchmod(fd, was.st_mode & 0777) < 0))
		log_warn(errno, "'%s' has another owner or mode than before", path);
	if ((err = io_write(fd, text, strlen(text))) == 0 && (io_write(fd, "\n", 1) < 0 ||
	    fsync(fd) < 0 || rename(part, path) < 0))
		err = -errno;
	close(fd);
	if (err < 0) {
		unlink(part);
		fatal(EXIT_RUNTIME, -err, "cannot write '%s'", path);
	}
	explicit_bzero(text, strlen(text));
	free(text);
	free(part);
}

/* ---- the subscriber */

static void
make_secret(char secret[static 2 * SECRET_BYTES + 1])
{
	uint8_t bytes[SECRET_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		fatal(EXIT_RUNTIME, errno, "no random numbers");
	hex_put(secret, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
}

/* A stream id in an address: what is special there is escaped. */
static void
print_escaped(const char *s)
{
	for (; *s != '\0'; s++)
		if (strchr("%&+?#= ", *s) != NULL)
			printf("%%%02X", (unsigned char)*s);
		else
			putchar(*s);
}

static void
print(const struct asked *a, const struct grant *e)
{
	printf("url         %s?streamid=", a->url != NULL ? a->url : "srt://HOST:PORT");
	print_escaped(e->streamid);
	printf("&passphrase-file=FILE\npassphrase  %s\n", e->secret);
	if (json_object_get(a->entry, "expires") != NULL)
		printf("expires     %s\n", json_string_value(json_object_get(a->entry,
		    "expires")));
	if (fflush(stdout) == EOF || ferror(stdout))
		fatal(EXIT_RUNTIME, errno, "cannot write");
}

int
relaygrant_main(int argc, char *argv[])
{
	struct asked a = { .entry = json_object() };
	char secret[2 * SECRET_BYTES + 1], why[GRANTS_WHY];
	struct grant e;
	char *path;
	json_t *root;
	int c;

	while ((c = getopt_long(argc, argv, "f:" OPT_COMMON, longopts, NULL)) != -1)
		set(&a, c, optarg);
	if (a.file == NULL || optind + 1 != argc)
		opt_usage(help, "say -f FILE and one name");
	make_secret(secret);
	json_object_set_new(a.entry, "name", json_string(argv[optind]));
	json_object_set_new(a.entry, "passphrase", json_string(secret));
	if (grants_parse(a.entry, &e, why) < 0)
		fatal(EXIT_USAGE, 0, "'%s': %s", argv[optind], why);
	/* A link stays one. */
	if ((path = realpath(a.file, NULL)) == NULL && (path = strdup(a.file)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	lock(path);
	root = load(path, &e);
	json_array_append(json_object_get(root, "grants"), a.entry);
	print(&a, &e);			/* or the grant would be for nobody */
	store(path, root);
	free(path);
	json_decref(root);
	json_decref(a.entry);
	explicit_bzero(&e, sizeof(e));
	explicit_bzero(secret, sizeof(secret));
	return EXIT_SUCCESS;
}
