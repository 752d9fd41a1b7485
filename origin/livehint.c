/* What playlists promise: which paths, until when, and what stands for the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/url.h"
#include "origin/livepriv.h"

/* The path of what a playlist names, or false when it is not below our root. */
static bool
resolve(const char *playlist, const struct hlslow_hint *hint,
    char out[static HTTP_PATH_MAX])
{
	static const char root[] = "http://localhost/";
	char base[HTTP_PATH_MAX + 32], uri[HTTP_PATH_MAX], full[2 * HTTP_PATH_MAX];
	size_t n;

	if (strpbrk(playlist, "%?#") != NULL || hint->uri_len >= sizeof(uri))
		return false;
	memcpy(uri, hint->uri, hint->uri_len);
	uri[hint->uri_len] = '\0';
	snprintf(base, sizeof(base), "%s%s", root, playlist);
	if (url_resolve(base, uri, full, sizeof(full)) < 0 ||
	    strncmp(full, root, sizeof(root) - 1) != 0)
		return false;
	n = strcspn(full, "?");
	return http_parse_path((struct h1_str){ full + sizeof(root) - 2,
	    n - (sizeof(root) - 2) }, out) == 0;
}

/* What stands for the folder of a path: no object has such a name. */
static void
folder_of(const char *path, char out[static HTTP_PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(out, HTTP_PATH_MAX, "%.*s/", slash != NULL ? (int)(slash - path) : 0, path);
}

/* The next promise in the folder of path is a part away, and up to four are late. */
static void
promise_folder(struct live *v, const char *path, const struct live_note *n,
    int64_t now_ns)
{
	char folder[HTTP_PATH_MAX];
	struct spot *s;

	folder_of(path, folder);
	s = live_find_spot(v, folder, true);
	if (s == NULL)
		return;
	s->used_ns = now_ns;
	s->hint_ns = now_ns + hlslow_patience_ns(&n->low);
	s->part_ns = n->low.part_target_ns * 5;
	if (s->part_ns > 2 * CLK_SECOND)
		s->part_ns = 2 * CLK_SECOND;
}

void
live_take_hints(struct live *v, struct spot *s, const struct live_note *n,
    int64_t now_ns)
{
	int64_t until_ns = now_ns + hlslow_patience_ns(&n->low);
	char path[HTTP_PATH_MAX];
	struct spot *to;

	for (int i = 0; i < HLSLOW_HINTS; i++) {
		to = s->hints[i] == NULL ? NULL : live_find_spot(v, s->hints[i], false);
		if (to != NULL)
			to->hint_ns = 0;
		free(s->hints[i]);
		s->hints[i] = NULL;
	}
	for (unsigned i = 0; i < n->low.nhint; i++) {
		const struct hlslow_hint *hint = &n->low.hint[i];

		if (!resolve(s->path, hint, path) ||
		    (to = live_find_spot(v, path, true)) == NULL)
			continue;
		to->hint_ns = until_ns;
		to->hint_whole = hint->whole;
		to->used_ns = now_ns;
		promise_folder(v, path, n, now_ns);
		s->hints[i] = strdup(path);
	}
}

/*
 * Players of DASH follow no promise, and ask for the next segment when they have seen
 * the end of one: where there are promises, the next is waited for.
 */
int64_t
live_promised(struct live *v, const char *path, int64_t now_ns, bool *whole)
{
	char folder[HTTP_PATH_MAX];
	int64_t wait_ns = -1;
	struct spot *s;

	folder_of(path, folder);
	pthread_mutex_lock(&v->lock);
	s = live_find_spot(v, path, false);
	if (s != NULL && s->hint_ns > now_ns) {
		wait_ns = 0;
		*whole = s->hint_whole;
	} else if ((s = live_find_spot(v, folder, false)) != NULL &&
	    s->hint_ns > now_ns) {
		wait_ns = s->part_ns;
	}
	pthread_mutex_unlock(&v->lock);
	return wait_ns;
}
