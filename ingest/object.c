/*
 * object.c - an object of S3, or a file of a web server, as a source: a transport stream or
 * a container, as file.c reads of files, with what follows read ahead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/avin.h"
#include "ingest/remote.h"
#include "ingest/source.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/ts.h"

#define PROBE		65536

struct object {
	struct source s;
	struct remote *r;
	bool	 begun;			/* it is known what it is: */
	struct avin *avin;		/* this, or a transport stream */
	int64_t	 first;			/* where packets begin */
	int	 probed;		/* bytes in buf that are still to be given */
	uint8_t	 buf[PROBE];
};

static int
read_some(void *opaque, uint8_t *buf, int size)
{
	struct object *s = opaque;

	return remote_read(s->r, buf, size, INT64_MAX);
}

static int64_t
seek(void *opaque, int64_t offset, int whence)
{
	struct object *s = opaque;

	return remote_seek(s->r, offset, whence);
}

/* True: a stop was asked for, or the time is over. */
static bool
passes(const struct object *s, int r)
{
	if (r == -EAGAIN || r == -EINTR || io_stopping())
		return true;
	fatal(EXIT_RUNTIME, *remote_why(s->r) == '\0' ? -r : 0, "cannot read '%s'%s%s",
	    s->s.name, *remote_why(s->r) == '\0' ? "" : ": ", remote_why(s->r));
}

static void
open_container(struct object *s)
{
	const struct avin_input in = { .opaque = s, .read = read_some, .seek = seek };
	int r;

	remote_seek(s->r, 0, SEEK_SET);
	if (s->probed > 0) {
		r = avin_open(&s->avin, &in, s->s.name, true);
		s->probed = 0;
		if (r == 0 || io_stopping())
			return;
		if (*remote_why(s->r) != '\0')
			passes(s, r);
	}
	fatal(EXIT_INPUT, 0, "'%s' is no transport stream, MP4, MOV, MKV, WebM, FLV, MPEG, AVI "
	    "or Ogg", s->s.name);
}

/* False: not yet. */
static bool
begin(struct object *s, int64_t deadline_ns)
{
	size_t at;
	int n = 1;

	while (s->probed < PROBE && (n = remote_read(s->r, s->buf + s->probed,
	    PROBE - s->probed, deadline_ns)) > 0)
		s->probed += n;
	if (n < 0 && passes(s, n))
		return false;
	s->begun = s->s.connected = true;
	if (!ts_probe(s->buf, (size_t)s->probed, true, &at, &s->s.stride)) {
		open_container(s);
		return true;
	}
	/* Packets of 192 bytes begin with four that are none of it. */
	s->first = s->s.stride == 192 && at >= 4 ? 4 : 0;
	s->probed = 0;
	remote_seek(s->r, s->first, SEEK_SET);
	return true;
}

static struct source *
object_open(const struct source_config *cfg, struct url *url)
{
	struct object *s = calloc(1, sizeof(*s));
	char reason[160];
	int err;

	if (s == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	for (unsigned i = 0; i < url->npair; i++)
		url->pair[i].used = true;	/* as s3addr.h says */
	s->s.name = cfg->name;
	s->r = remote_new_s3(cfg->name, &err, reason);
	if (s->r == NULL)
		fatal(err == -EINVAL || err == -ENAMETOOLONG ? EXIT_USAGE : EXIT_RUNTIME, 0,
		    "'%s': %s", cfg->name, reason);
	return &s->s;
}

struct source *
object_open_http(const char *name, const char *url)
{
	struct object *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->r = remote_new_http(url)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	s->s.type = &source_object;
	s->s.name = name;
	return &s->s;
}

static void
object_read(struct source *source, struct source_event *ev, int64_t deadline_ns)
{
	struct object *s = (struct object *)source;
	int n;

	if (!s->begun && !begin(s, deadline_ns))
		return;
	if (s->avin != NULL) {
		if ((n = avin_read(s->avin, ev)) < 0 && passes(s, n))
			ev->what = SOURCE_NOTHING;
		return;
	}
	n = remote_read(s->r, s->buf, PROBE, deadline_ns);
	if (n < 0 && passes(s, n))
		return;
	ev->what = n == 0 ? SOURCE_END : SOURCE_BYTES;
	ev->data = s->buf;
	ev->len = (size_t)n;
}

static int
object_rewind(struct source *source)
{
	struct object *s = (struct object *)source;

	if (s->avin != NULL)
		return avin_rewind(s->avin);
	remote_seek(s->r, s->first, SEEK_SET);
	return 0;
}

static void
object_stats(const struct source *source, json_t *o)
{
	const struct object *s = (const struct object *)source;

	json_object_set_new(o, "http_retries",
	    json_integer((json_int_t)remote_retries(s->r)));
}

static void
object_close(struct source *source)
{
	struct object *s = (struct object *)source;

	avin_close(s->avin);
	remote_free(s->r);
	free(s);
}

const struct source_type source_object = {
	.schemes = "s3",
	.open = object_open, .read = object_read, .rewind = object_rewind, .stats = object_stats,
	.close = object_close,
};
