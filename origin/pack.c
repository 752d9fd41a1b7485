#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/clk.h"
#include "origin/pack.h"

uint64_t
pack_memory(struct object *o)
{
	return sizeof(*o) + (o->fd < 0 ? object_len(o) : 0) + o->gzip_len;
}

/* One of the two heads; gzip: of the compressed form. */
static unsigned
put_head(const struct store *s, const struct pack_file *f, const struct mime *m,
    const struct object *o, bool gzip, char head[static OBJECT_HEAD])
{
	char date[HTTP_DATE], cache[STORE_FIELD];
	const struct store_config *c = &s->config;
	int n;

	http_date(f->mtime_ns / CLK_SECOND, date);
	if (f->cache_control[0] != '\0')
		snprintf(cache, sizeof(cache), "%s", f->cache_control);
	else if (m->kind == MIME_SEGMENT)
		snprintf(cache, sizeof(cache), "public, max-age=%" PRId64 ", immutable",
		    c->segment_s);
	else
		snprintf(cache, sizeof(cache), "public, max-age=%" PRId64,
		    m->kind == MIME_PLAYLIST ? c->playlist_s : c->other_s);
	n = snprintf(head, OBJECT_HEAD, "Content-Type: %s\r\nLast-Modified: %s\r\n"
	    "ETag: %.*s%s\"\r\nCache-Control: %s\r\n%s%s%s",
	    f->type[0] != '\0' ? f->type : m->type, date,
	    (int)strlen(o->etag) - 1, o->etag, gzip ? "-gzip" : "", cache,
	    gzip ? "Content-Encoding: gzip\r\n" : "Accept-Ranges: bytes\r\n",
	    m->text ? "Vary: Accept-Encoding\r\n" : "", s->cors);
	return n < OBJECT_HEAD ? (unsigned)n : 0;
}

static int
read_all(int fd, uint8_t *to, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = pread(fd, to + at, len - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

/* Without memory, or when it does not shrink, there is no such form. */
static void
compress_object(struct object *o, size_t len)
{
	z_stream z = { 0 };
	uLong room;

	/* 16: with the gzip frame instead of that of zlib. */
	if (len < 256 || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	room = deflateBound(&z, (uLong)len);
	o->gzip = malloc(room);
	z.next_in = o->mem;
	z.avail_in = (uInt)len;
	z.next_out = o->gzip;
	z.avail_out = (uInt)room;
	if (o->gzip == NULL || deflate(&z, Z_FINISH) != Z_STREAM_END ||
	    z.total_out >= len) {
		free(o->gzip);
		o->gzip = NULL;
	} else {
		uint8_t *fit = realloc(o->gzip, z.total_out);

		o->gzip_len = z.total_out;
		o->gzip = fit != NULL ? fit : o->gzip;
	}
	deflateEnd(&z);
}

static int
load_memory(struct object *o, const struct pack_file *f, bool text)
{
	int err;

	o->mem = malloc(f->size + 1);
	if (o->mem == NULL)
		return -ENOMEM;
	err = read_all(f->fd, o->mem, f->size);
	if (err < 0)
		return err;
	close(o->fd);
	o->fd = -1;
	if (text)
		compress_object(o, f->size);
	return 0;
}

int
pack_object(const struct store *s, const struct pack_file *f,
    struct object **out)
{
	struct mime m = mime_of(f->path);
	struct object *o = object_new(f->fd);
	int err = 0;

	if (o == NULL) {
		close(f->fd);
		return -ENOMEM;
	}
	o->ino = f->ino;
	o->mtime_ns = f->mtime_ns;
	snprintf(o->etag, sizeof(o->etag), "\"%" PRIx64 "-%" PRIx64 "\"",
	    (uint64_t)f->mtime_ns, f->ino);
	if (!f->growing) {
		atomic_init(&o->len, f->size);
		atomic_init(&o->state, OBJECT_WHOLE);
		if (f->size <= STORE_SMALL || (m.text && f->size <= STORE_TEXT))
			err = load_memory(o, f, m.text);
	}
	o->head_len = put_head(s, f, &m, o, false, o->head);
	if (o->gzip != NULL)
		o->gzip_head_len = put_head(s, f, &m, o, true, o->gzip_head);
	if (o->head_len == 0 || (o->gzip != NULL && o->gzip_head_len == 0))
		err = err < 0 ? err : -ENAMETOOLONG;
	if (err < 0) {
		object_unref(&o);
		return err;
	}
	*out = o;
	return 0;
}
