/*
 * hlsattr.h - the attribute lists of HLS tags, and the values in them.
 *
 *     NAME=value,NAME="value, quoted",...
 *
 * Spec     RFC 8216 and draft-pantos-hls-rfc8216bis 4.2.
 * Units    ns.
 * Memory   Nothing allocates; an attribute borrows the list.
 * Threads  Pure functions.
 * Errors   -EBADMSG.
 */
#ifndef HLSATTR_H
#define HLSATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HLS_NUMBER_MAX	(INT64_MAX / 2)

struct hls_attr {
	const char *name, *value;	/* value without quotes */
	size_t	    name_len, len;
	bool	    quoted;
};

/* The next of *list, which moves on.  1, 0 at the end, -EBADMSG. */
int hls_attr_next(const char **list, struct hls_attr *attr);
bool hls_attr_find(const char *list, const char *name, struct hls_attr *attr);

bool hls_attr_is(const struct hls_attr *attr, const char *name);
bool hls_attr_says(const struct hls_attr *attr, const char *value);

/*
 * The value as a string of its own.  The list is written to: what ends the value,
 * a quote or comma, becomes its end, and must have been passed already.
 */
const char *hls_attr_keep(const struct hls_attr *attr);

/* A decimal integer up to max. */
int hls_integer(const char *s, size_t len, int64_t max, int64_t *out);

/* Decimal seconds, at most a day; what is finer than a nanosecond is cut off. */
int hls_seconds(const char *s, size_t len, int64_t *ns);

/* 0x0123...: right-aligned in out[0..size). */
int hls_hex(const char *s, size_t len, uint8_t *out, size_t size);

/* ISO 8601, ns since 1970. */
int hls_date(const char *s, size_t len, int64_t *ns);

#endif
