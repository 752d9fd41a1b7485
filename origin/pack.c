#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/clk.h"
#include "origin/livenote.h"
#include "origin/pack.h"

#define XATTR_ETAG	"user.mstore.etag"

uint64_t
pack_memory(struct object *o)
{
	return sizeof(*o) + (o->fd < 0 ? object_len(o) : 0) + o->gzip_len;
}

/*
 * Does a playlist or manifest say that it will stay as it is?  RFC 8216 4.3.3.4;
 * ISO/IEC 23009-1 5.3.1.2, where static is what is not said to be dynamic.
 */
static bool
is_final(const char *text, size_t len)
{
	static const char last[] = "\n#EXT-X-ENDLIST", period[] = "<Period";
	const char *end;

	if (memmem(text, len, "<MPD", 4) == NULL)
		return memmem(text, len, last, sizeof(last) - 1) != NULL;
	end = memmem(text, len, period, sizeof(period) - 1);
	return end != NULL && memmem(text, (size_t)(end - text), "dynamic", 7) == NULL;
}

static int64_t
max_age(const struct store_config *c, enum mime_kind kind, struct object *o)
{
	switch (kind) {
	case MIME_SEGMENT:
		return c->segment_s;
	case MIME_PLAYLIST:
		return o->mem != NULL && is_final((const char *)o->mem,
		    object_len(o)) ? c->vod_s : c->playlist_s;
	default:
		return c->other_s;
	}
}

/* One of the two heads; gzip: of the compressed form. */
static unsigned
put_head(const struct store *s, const struct pack_file *f, const struct mime *m,
    struct object *o, bool gzip, char head[static OBJECT_HEAD])
{
	char date[HTTP_DATE], cache[STORE_FIELD];
	int n;

	http_date(f->mtime_ns / CLK_SECOND, date);
	if (f->cache_control[0] != '\0')
		snprintf(cache, sizeof(cache), "%s", f->cache_control);
	else
		snprintf(cache, sizeof(cache), "public, max-age=%" PRId64 "%s",
		    max_age(&s->config, m->kind, o),
		    m->kind == MIME_SEGMENT ? ", immutable" : "");
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
	    z.total_out >= len || !object_take(o, z.total_out)) {
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

	if (!object_take(o, f->size))
		return 0;		/* then it is sent from its file */
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

/* A tag that is kept is of this version only if it begins with its time. */
static bool
is_kept(const char *kept, const char *fresh)
{
	size_t time_len = strcspn(fresh, "-") + 1, len = strlen(kept);

	return len > time_len + 1 && memcmp(kept, fresh, time_len) == 0 &&
	    strspn(kept + time_len, "0123456789abcdef") == len - time_len - 1 &&
	    kept[len - 1] == '"';
}

void
pack_etag(char etag[static OBJECT_ETAG], int fd, int64_t mtime_ns, uint64_t ino)
{
	char kept[OBJECT_ETAG];
	ssize_t n = fd < 0 ? -1 : fgetxattr(fd, XATTR_ETAG, kept, sizeof(kept) - 1);

	snprintf(etag, OBJECT_ETAG, "\"%" PRIx64 "-%" PRIx64 "\"",
	    (uint64_t)mtime_ns, ino);
	kept[n > 0 ? n : 0] = '\0';
	if (is_kept(kept, etag))
		memcpy(etag, kept, (size_t)n + 1);
}

int
pack_keep_etag(int fd, int64_t mtime_ns, uint64_t ino)
{
	char etag[OBJECT_ETAG];

	pack_etag(etag, fd, mtime_ns, ino);
	return fsetxattr(fd, XATTR_ETAG, etag, strlen(etag), 0) < 0 ? -errno : 0;
}

static int
put_heads(const struct store *s, const struct pack_file *f, const struct mime *m,
    struct object *o)
{
	o->head_len = put_head(s, f, m, o, false, o->head);
	if (o->gzip != NULL)
		o->gzip_head_len = put_head(s, f, m, o, true, o->gzip_head);
	return o->head_len == 0 || (o->gzip != NULL && o->gzip_head_len == 0) ?
	    -ENAMETOOLONG : 0;
}

int
pack_text(const struct store *s, const struct pack_text *t, struct object **out)
{
	struct pack_file f = { .path = t->path, .mtime_ns = t->from->mtime_ns };
	struct mime m = mime_of(t->path);
	struct object *o = object_new(-1, s->config.memory);
	int n, err = 0;

	if (o == NULL)
		return -ENOMEM;
	o->mtime_ns = f.mtime_ns;
	atomic_store(&o->grown_ns, atomic_load(&t->from->grown_ns));
	n = snprintf(o->etag, OBJECT_ETAG, "%.*s-%s\"",
	    (int)strlen(t->from->etag) - 1, t->from->etag, t->suffix);
	if (n >= OBJECT_ETAG || !object_take(o, t->len) ||
	    (o->mem = malloc(t->len + 1)) == NULL) {
		err = n >= OBJECT_ETAG ? -ENAMETOOLONG : -ENOMEM;
	} else {
		memcpy(o->mem, t->text, t->len);
		atomic_init(&o->len, t->len);
		atomic_init(&o->state, OBJECT_WHOLE);
		compress_object(o, t->len);
		snprintf(f.type, sizeof(f.type), "%s", t->type);
		snprintf(f.cache_control, sizeof(f.cache_control), "%s",
		    t->cache_control);
		err = put_heads(s, &f, &m, o);
	}
	if (err < 0)
		object_unref(&o);
	else
		*out = o;
	return err;
}

int
pack_object(const struct store *s, const struct pack_file *f,
    struct object **out)
{
	struct mime m = mime_of(f->path);
	struct object *o = object_new(f->fd, s->config.memory);
	int err = 0;

	if (o == NULL) {
		close(f->fd);
		return -ENOMEM;
	}
	o->ino = f->ino;
	o->mtime_ns = f->mtime_ns;
	o->stub = f->stub;
	pack_etag(o->etag, f->growing ? -1 : f->fd, f->mtime_ns, f->ino);
	if (!f->growing) {
		atomic_init(&o->len, f->size);
		atomic_init(&o->state, OBJECT_WHOLE);
		if (!f->stub && (f->size <= STORE_SMALL || (m.text && f->size <= STORE_TEXT)))
			err = load_memory(o, f, m.text);
	}
	if (err == 0 && o->mem != NULL && m.kind == MIME_PLAYLIST)
		err = live_note_add(o, f->type);
	if (err == 0)
		err = put_heads(s, f, &m, o);
	if (err < 0) {
		object_unref(&o);
		return err;
	}
	*out = o;
	return 0;
}
