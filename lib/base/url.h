/*
 * url.h - the address syntax that all tools share.
 *
 *     scheme://[user@][host][:port][/path][?key=value&key=value]
 *     udp://@239.1.1.1:5000?iface=eth1   udp://10.0.0.9@232.1.1.1:5000
 *     [::1]:8080  (an address to listen on)   -   film.mp4
 *
 * Spec     RFC 3986 3; the user part of a multicast address is the source to
 *          accept, as elsewhere in this field.
 * Shape    Text without "://" is a path: scheme is "file", or "-" for a pipe; a ? in it
 *          is one, while file://path may have keys.
 *          Percent escapes are decoded in query values; the path stays as it is.
 * Memory   One struct with fixed buffers; nothing allocates.
 * Errors   -EINVAL (syntax, control characters), -ENAMETOOLONG.
 */
#ifndef URL_H
#define URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_MAX		8192
#define URL_QUERY_MAX	32

struct url_pair {
	const char *key, *value;	/* inside struct url; value "" if none */
	bool used;			/* see url_unused() */
};

struct url {
	const char *scheme;	/* lower case; "file" for a path, "-" for a pipe */
	const char *user;	/* before @, "" if none */
	bool	    has_at;
	const char *host;	/* without brackets, "" if none */
	uint16_t    port;	/* 0 if none */
	const char *path;	/* with its /, "" if none; the whole of a file */
	const char *query;	/* undecoded, "" if none */
	unsigned    npair;
	struct url_pair pair[URL_QUERY_MAX];
	char	    store[4 * URL_MAX];
};

int url_parse(struct url *u, const char *text);

/* The value of a key, or NULL; marks it as used. */
const char *url_get(struct url *u, const char *key);

/* The first key that no url_get() has asked for, or NULL: a usage error. */
const char *url_unused(const struct url *u);

/*
 * Undo the percent escapes of len bytes; + stays what it is.  -EINVAL also for %00
 * and a zero byte, which would end the text.
 */
int url_unescape(const char *p, size_t len, char *out, size_t size);

/*
 * The absolute form of a reference that was found in base (RFC 3986 5.2, dot
 * segments removed, any fragment dropped).  base is absolute: a URL, or the path
 * of a file.
 * Returns 0, -EINVAL (control characters), or -ENAMETOOLONG.
 */
int url_resolve(const char *base, const char *ref, char *out, size_t size);

/*
 * The file:// form of a path, which the current folder makes absolute.  Returns 0,
 * -ENAMETOOLONG, or why there is no current folder.
 */
int url_from_path(const char *path, char *out, size_t size);

/* "host:port", "[v6]:port", ":port" or "port" for --listen.  0 or -EINVAL. */
int url_parse_listen(const char *text, char *host, size_t host_size,
    uint16_t *port);

#endif
