/*
 * mime.h - what an object is, by the ending of its name.
 *
 * Spec     RFC 8216 4 and 8216bis for playlists, ISO/IEC 23009-1 annex C for
 *          manifests, RFC 4337, 9559 and the IANA registry for media types.
 * Threads  Pure functions.
 */
#ifndef MIME_H
#define MIME_H

#include <stdbool.h>

/* How long an object of this kind stays what it is, which decides max-age. */
enum mime_kind {
	MIME_PLAYLIST,		/* playlists and manifests: written again and again */
	MIME_SEGMENT,		/* media: written once */
	MIME_INIT,		/* initialization segments: rarely written again */
	MIME_OTHER,		/* pages, pictures, captions of a site */
};

struct mime {
	const char *type;
	enum mime_kind kind;
	bool text;		/* worth compressing */
};

struct mime mime_of(const char *path);

#endif
