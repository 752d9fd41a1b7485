#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "origin/cmafpub.h"

bool
cmafpub_path(const struct cmaf_channel *ch, char out[static HTTP_PATH_MAX],
    const char *fmt, ...)
{
	int n = snprintf(out, HTTP_PATH_MAX, "%s/", ch->path), m;
	va_list ap;

	if (n < 0 || n >= HTTP_PATH_MAX)
		return false;
	va_start(ap, fmt);
	m = vsnprintf(out + n, (size_t)(HTTP_PATH_MAX - n), fmt, ap);
	va_end(ap);
	return m >= 0 && m < HTTP_PATH_MAX - n;
}

void
cmafpub_init_name(unsigned version, char out[static 32])
{
	if (version <= 1)
		snprintf(out, 32, "init.mp4");
	else
		snprintf(out, 32, "init-%u.mp4", version);
}

void
cmafpub_segment_name(unsigned version, uint64_t t, char out[static 48])
{
	if (version <= 1)
		snprintf(out, 48, "%" PRIu64 ".m4s", t);
	else
		snprintf(out, 48, "%u-%" PRIu64 ".m4s", version, t);
}

int
cmafpub_write(struct cmaf *m, const char *path, const void *data, size_t len)
{
	struct upload *u;
	bool created;
	int err = store_put(m->store, path, &(struct put_wish){ 0 }, &u);

	if (err < 0)
		return err;
	err = store_put_data(u, data, len, false);
	if (err == 0)
		err = store_put_commit(u, &created);
	store_put_free(&u);
	return err;
}

static int
write_text(struct cmaf *m, const char *path, struct text *t)
{
	int err = t->failed ? -ENOMEM : cmafpub_write(m, path, t->p, t->len);

	text_free(t);
	return err;
}

uint64_t
cmafpub_rate(const struct cmaf_track *t)
{
	uint64_t rate = t->peak > t->header.bitrate ? t->peak : t->header.bitrate;

	return rate == 0 ? 1 : rate;
}

int
cmafpub_media(struct cmaf_track *t)
{
	char path[HTTP_PATH_MAX];
	struct text text = { 0 };

	if (!cmafpub_listed(t))
		return 0;
	if (!cmafpub_path(t->channel, path, "%s/index.m3u8", t->name))
		return -ENAMETOOLONG;
	cmafhls_media(t, &text);
	return write_text(t->channel->cmaf, path, &text);
}

/* Is what index.m3u8 says still true, with a tenth to spare? */
static bool
is_told(struct cmaf_channel *ch)
{
	for (unsigned i = 0; i < ch->ntrack; i++) {
		const struct cmaf_track *t = ch->track[i];

		if (cmafpub_listed(t) && (t->told_peak == 0 ||
		    cmafpub_rate(t) > t->told_peak + t->told_peak / 10))
			return false;
	}
	return true;
}

int
cmafpub_channel(struct cmaf_channel *ch)
{
	char path[HTTP_PATH_MAX];
	struct text text = { 0 };
	bool any = false;
	int err = 0;

	for (unsigned i = 0; i < ch->ntrack; i++)
		any = any || cmafpub_listed(ch->track[i]);
	if (!any)
		return 0;
	if (!is_told(ch)) {
		if (!cmafpub_path(ch, path, "index.m3u8"))
			return -ENAMETOOLONG;
		cmafhls_index(ch, &text);
		err = write_text(ch->cmaf, path, &text);
	}
	if (err < 0)
		return err;
	if (!cmafpub_path(ch, path, "manifest.mpd"))
		return -ENAMETOOLONG;
	cmafdash_put(ch, &text);
	return write_text(ch->cmaf, path, &text);
}
