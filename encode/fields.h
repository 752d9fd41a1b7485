/*
 * fields.h - what stands in braces in a text is filled in: {utc}, {timecode}.
 *
 * Memory   Nothing allocates.
 * Threads  Pure functions.
 */
#ifndef ENCODE_FIELDS_H
#define ENCODE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fields {
	int64_t	 utc_ns;
	bool	 live;			/* utc_ns means something */
	int64_t	 since_ns;		/* the first picture */
	const char *timecode;		/* or NULL */
};

/* NULL, or the field of the text that there is not, up to its end. */
const char *fields_check(const char *text);

/* Into out, cut off where it does not fit. */
void fields_fill(const struct fields *f, const char *text, char *out, size_t size);

#endif
