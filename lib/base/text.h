/*
 * text.h - text that grows: playlists, manifests, XML.
 *
 * Memory   text_take() gives the text; text_free() gives it back.
 * Errors   Sticky: after -ENOMEM nothing is added, and text_take() gives NULL.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
	char	*p;
	size_t	 len, size;
	bool	 failed;
};

__attribute__((format(printf, 2, 3))) static inline void
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (;;) {
		size_t room = t->size - t->len, size = t->size * 2 + 4096;
		char *p;

		if (t->failed)
			return;
		va_start(ap, fmt);
		n = vsnprintf(t->p != NULL ? t->p + t->len : NULL, room, fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < room) {
			t->len += (size_t)n;
			return;
		}
		if (n < 0 || (p = realloc(t->p, size + (size_t)n)) == NULL) {
			t->failed = true;
			return;
		}
		t->p = p;
		t->size = size + (size_t)n;
	}
}

static inline void
text_free(struct text *t)
{
	free(t->p);
	*t = (struct text){ .len = 0 };
}

/* The text, which is then the caller's, or NULL. */
static inline char *
text_take(struct text *t)
{
	char *p = t->p;

	if (t->failed) {
		text_free(t);
		return NULL;
	}
	*t = (struct text){ .len = 0 };
	return p;
}

/* v/scale in seconds with so many decimals, rounded to the nearest. */
static inline void
text_seconds(struct text *t, int64_t v, int64_t scale, int decimals)
{
	__int128 unit = 1, n;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	n = ((__int128)v * unit * 2 + scale) / (2 * (__int128)scale);
	text_add(t, "%lld.%0*lld", (long long)(n / unit), decimals,
	    (long long)(n % unit));
}

#endif
