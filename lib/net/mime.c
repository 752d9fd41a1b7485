#include <string.h>
#include <strings.h>

#include "lib/net/mime.h"

static const struct {
	const char *ending;
	struct mime mime;
} row[] = {
	{ "aac", { "audio/aac", MIME_SEGMENT, false } },
	{ "ac3", { "audio/ac3", MIME_SEGMENT, false } },
	{ "cmfa", { "audio/mp4", MIME_SEGMENT, false } },
	{ "cmft", { "application/mp4", MIME_SEGMENT, false } },
	{ "cmfv", { "video/mp4", MIME_SEGMENT, false } },
	{ "css", { "text/css; charset=utf-8", MIME_OTHER, true } },
	{ "ec3", { "audio/eac3", MIME_SEGMENT, false } },
	{ "gif", { "image/gif", MIME_OTHER, false } },
	{ "htm", { "text/html; charset=utf-8", MIME_OTHER, true } },
	{ "html", { "text/html; charset=utf-8", MIME_OTHER, true } },
	{ "ico", { "image/vnd.microsoft.icon", MIME_OTHER, false } },
	{ "ism", { "application/vnd.ms-sstr+xml", MIME_PLAYLIST, true } },
	{ "jpeg", { "image/jpeg", MIME_OTHER, false } },
	{ "jpg", { "image/jpeg", MIME_OTHER, false } },
	{ "js", { "text/javascript; charset=utf-8", MIME_OTHER, true } },
	{ "json", { "application/json", MIME_OTHER, true } },
	{ "key", { "application/octet-stream", MIME_INIT, false } },
	{ "m3u8", { "application/vnd.apple.mpegurl", MIME_PLAYLIST, true } },
	{ "m4a", { "audio/mp4", MIME_SEGMENT, false } },
	{ "m4s", { "video/iso.segment", MIME_SEGMENT, false } },
	{ "m4v", { "video/mp4", MIME_SEGMENT, false } },
	{ "map", { "application/json", MIME_OTHER, true } },
	{ "mjs", { "text/javascript; charset=utf-8", MIME_OTHER, true } },
	{ "mp3", { "audio/mpeg", MIME_SEGMENT, false } },
	{ "mp4", { "video/mp4", MIME_SEGMENT, false } },
	{ "mpd", { "application/dash+xml", MIME_PLAYLIST, true } },
	{ "mpp", { "application/dash-patch+xml", MIME_PLAYLIST, true } },
	{ "png", { "image/png", MIME_OTHER, false } },
	{ "svg", { "image/svg+xml", MIME_OTHER, true } },
	{ "ts", { "video/mp2t", MIME_SEGMENT, false } },
	{ "ttml", { "application/ttml+xml", MIME_SEGMENT, true } },
	{ "txt", { "text/plain; charset=utf-8", MIME_OTHER, true } },
	{ "vtt", { "text/vtt", MIME_SEGMENT, true } },
	{ "wasm", { "application/wasm", MIME_OTHER, true } },
	{ "webm", { "video/webm", MIME_SEGMENT, false } },
	{ "webp", { "image/webp", MIME_OTHER, false } },
	{ "woff2", { "font/woff2", MIME_OTHER, false } },
	{ "xml", { "application/xml", MIME_OTHER, true } },
};

struct mime
mime_of(const char *path)
{
	const char *name = strrchr(path, '/'), *dot;
	struct mime m = { "application/octet-stream", MIME_OTHER, false };

	name = name == NULL ? path : name + 1;
	dot = strrchr(name, '.');
	for (size_t i = 0; dot != NULL && i < sizeof(row) / sizeof(row[0]); i++)
		if (strcasecmp(dot + 1, row[i].ending) == 0) {
			m = row[i].mime;
			break;
		}
	/* An encoder that is set up anew writes its init segment again. */
	if (m.kind == MIME_SEGMENT && strncasecmp(name, "init", 4) == 0)
		m.kind = MIME_INIT;
	return m;
}
