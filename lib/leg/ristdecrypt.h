/*
 * ristdecrypt.h - what librist has decrypted is checked before it reads it.
 *
 * The filters of ristfilter.h see the outside only.  With a secret, one datagram of
 * several hundred thousand at random decrypts to a report that librist 0.2.7 never comes
 * to the end of, and who has the secret can send worse.  So the same is asked of what has
 * been decrypted as of what comes in clear; what does not stand is made RTP of version 0,
 * which librist drops.
 *
 * Spec     VSF TR-06-2 6 (PSK, AES in counter mode), 5.3 (reduced overhead).
 * Shape    recvfrom() and mbedtls_aes_crypt_ctr() of the program itself, which take the
 *          place of those that librist would find in its libraries, and call them.  What
 *          is decrypted is known by where it was received.
 * Threads  Any.
 */
#ifndef RISTDECRYPT_H
#define RISTDECRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does librist stand this RTP or RTCP? */
bool ristdecrypt_stands(const uint8_t *p, size_t len);

/* How many of that socket did not, since it began. */
void ristdecrypt_begin(int fd);
uint64_t ristdecrypt_dropped(int fd);

#endif
