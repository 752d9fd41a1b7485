/*
 * mask.h - secrets that stand in an address, out of what is said.
 *
 * Spec     RFC 3986 3.2.1, which would not have a password shown either.
 * Shape    A message with addresses in it, in single quotes or not, or an address.
 * Memory   Nothing allocates.
 * Threads  Pure.
 * Errors   None; what has no room is left off.
 */
#ifndef MASK_H
#define MASK_H

#include <stddef.h>

/*
 * text with "***" for the password of user:password@, also one with a / in it that
 * should be escaped, and for the values of the keys passphrase, password and secret.
 * A value reaches to the next & or to the quote that closes.  Gives out.
 */
const char *mask_secrets(const char *text, char *out, size_t size);

#endif
