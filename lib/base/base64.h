/*
 * base64.h - bytes as text: RFC 4648 section 4.
 *
 * Memory   The caller's.
 * Errors   -EINVAL a character that does not belong there, or too few; -ENOSPC.
 */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_SIZE(len)	(((len) + 2) / 3 * 4 + 1)

/* Padding may be missing; nothing else may.  Returns the number of bytes. */
int base64_decode(const char *text, size_t len, uint8_t *out, size_t size);

/* With padding and a terminating zero: BASE64_SIZE(len) bytes. */
void base64_encode(const uint8_t *p, size_t len, char *out);

#endif
