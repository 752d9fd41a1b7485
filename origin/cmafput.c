#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "origin/api.h"
#include "origin/cmafput.h"
#include "origin/serve.h"

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_streams(const char *path)
{
	const char *name = last_part(path);

	return strncasecmp(name, "streams(", 8) == 0 && name[strlen(name) - 1] == ')';
}

static bool
has_ending(const char *path)
{
	static const char *const ending[] = { ".cmfv", ".cmfa", ".cmft", ".cmfm" };
	const char *dot = strrchr(last_part(path), '.');

	for (size_t i = 0; dot != NULL && i < sizeof(ending) / sizeof(ending[0]); i++)
		if (strcasecmp(dot, ending[i]) == 0)
			return true;
	return false;
}

bool
cmafput_is(const struct cmaf *m, const char *path, bool post)
{
	return is_streams(path) || (post && has_ending(path)) ||
	    (m->pattern != NULL && fnmatch(m->pattern, path, 0) == 0);
}

/* These names are folders and go into playlists. */
static bool
take_name(const char *p, size_t len, char track[static CMAF_NAME])
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_-.=";

	if (len == 0 || len >= CMAF_NAME || p[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\0' || strchr(good, p[i]) == NULL)
			return false;
	memcpy(track, p, len);
	track[len] = '\0';
	return true;
}

int
cmafput_names(const char *path, char channel[static HTTP_PATH_MAX],
    char track[static CMAF_NAME])
{
	const char *name = last_part(path), *end = name + strlen(name), *dot;
	size_t folder = (size_t)(name - path);

	if (is_streams(path)) {
		name += 8;
		end--;
	}
	dot = memrchr(name, '.', (size_t)(end - name));
	if (dot != NULL && dot > name)
		end = dot;
	/* One object a segment: its folder is the track. */
	if (!is_streams(path) && folder > 1 &&
	    (strspn(name, "0123456789") == (size_t)(end - name) ||
	    ((size_t)(end - name) == 4 && memcmp(name, "init", 4) == 0))) {
		end = path + folder - 1;
		name = memrchr(path, '/', folder - 1);
		name = name != NULL ? name + 1 : path;
		folder = (size_t)(name - path);
	}
	if (folder < 2 || folder >= HTTP_PATH_MAX ||
	    !take_name(name, (size_t)(end - name), track))
		return -EINVAL;
	memcpy(channel, path, folder - 1);
	channel[folder - 1] = '\0';
	return 0;
}

static void
refuse(struct httpd_conn *c, int err)
{
	const char *cors = serve_of(c)->cors;

	switch (err) {
	case -ENODATA:
		serve_text(c, 412, cors, "media before its header: send ftyp and moov");
		break;
	case -EBADMSG:
		serve_text(c, 400, cors, "this is no CMAF track");
		break;
	case -ENOTSUP:
		serve_text(c, 415, cors, "only one track of fragments at a time");
		break;
	case -EFBIG:
		serve_text(c, 413, cors, "a segment, chunk or header is over the limit");
		break;
	case -EEXIST:
		serve_text(c, 409, cors, "another encoder sends with another header");
		break;
	case -ENOBUFS:
		serve_text(c, 503, "Retry-After: 10\r\n",
		    "too many channels or tracks");
		break;
	default:
		serve_error(c, err);
	}
}

bool
cmafput_may(struct httpd_conn *c, const struct h1_request *r, const char *path)
{
	static const char *const made[] = { "index.m3u8", "manifest.mpd", NULL };
	char channel[HTTP_PATH_MAX], track[CMAF_NAME], name[HTTP_PATH_MAX + CMAF_NAME + 16];
	bool signer = api_allowed(c, KEY_WRITE, path);

	if (cmafput_names(path, channel, track) < 0)
		return signer || serve_may_write(c, r);
	for (unsigned i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		if (made[i] != NULL)
			snprintf(name, sizeof(name), "%s/%s", channel, made[i]);
		else
			snprintf(name, sizeof(name), "%s/%s/index.m3u8", channel, track);
		if (!gate_also(c, r, name))
			return false;
		signer = signer && api_allowed(c, KEY_WRITE, name);
	}
	return signer || serve_may_write(c, r);
}

void
cmafput_begin(struct httpd_conn *c, const struct h1_request *r, const char *path)
{
	struct serve *s = serve_of(c);
	struct exchange *x = serve_exchange(c);
	char channel[HTTP_PATH_MAX], track[CMAF_NAME];
	int err;

	if (x == NULL) {
		serve_error(c, -ENOMEM);
	} else if (!r->chunked && !r->has_length) {
		serve_text(c, 411, NULL, NULL);
	} else if (cmafput_names(path, channel, track) < 0) {
		serve_text(c, 400, s->cors,
		    "a track has a folder, and a name of letters, digits, _ - . =");
	} else {
		err = cmaf_open(&s->cmaf, c->loop, channel, track, &x->sender);
		if (err < 0) {
			refuse(c, err);
			return;
		}
		x->sender->max_object = gate_max_object(c);
		httpd_take_body(c);
	}
}

void
cmafput_body(struct httpd_conn *c, const void *data, size_t len)
{
	struct exchange *x = c->user;
	int err = cmaf_data(x->sender, data, len);

	gate_count_in(c);
	if (err < 0)
		refuse(c, err);
}

void
cmafput_end(struct httpd_conn *c)
{
	struct exchange *x = c->user;
	int err = cmaf_close(&x->sender, true);

	if (err < 0)
		refuse(c, err);
	else
		httpd_reply(c, &(struct httpd_reply){ .status = 200 });
}
