/*
 * hlsvar.h - the variables of HLS playlists.
 *
 *     #EXT-X-DEFINE:NAME="host",VALUE="http://a.example"
 *     {$host}/1.ts
 *
 * Spec     draft-pantos-hls-rfc8216bis 4.3 (substitution), 4.4.2.3 (EXT-X-DEFINE).
 * Shape    A reference counts in lines with a URI and in all tags EXT-X-...; the
 *          value is not looked at again.
 * Memory   hlsvar_expand() gives a string; a definition borrows its tag, and what
 *          it imports.
 * Errors   -EBADMSG a name that is not defined, is defined twice, or is none;
 *          -E2BIG a line longer than the limit, -ENOMEM.
 */
#ifndef HLSVAR_H
#define HLSVAR_H

#include "lib/media/hls.h"

/*
 * Read the attributes of a tag, which are written to, as a variable that h does not
 * have.  url: of the playlist, for QUERYPARAM; parent: the multivariant playlist,
 * for IMPORT; each may be NULL.  *owned is NULL or a string to be freed after the
 * variable, also on failure.
 */
int hlsvar_define(const struct hls *h, const char *list, const char *url,
    const struct hls *parent, struct hls_variable *v, char **owned);

/* Does a line have a reference in a place where it counts? */
bool hlsvar_refers(const char *line);

/* The line with its references replaced, of less than max bytes. */
int hlsvar_expand(const struct hls *h, const char *line, size_t max, char **out);

#endif
