/*
 * ristlogin.h - who may call a rist:// address that asks for a login.
 *
 * Spec     A file of lines "user:verifier:salt:...", in base64, as ristsrppasswd(1)
 *          writes it: RFC 5054, with the group of 2048 bits.
 * Memory   What is found is of malloc(3), and librist's.
 * Threads  Called by those of librist; changes nothing but what it is given.
 * Errors   Without such a user, or file, nothing is found; the file is warned of.
 */
#ifndef RISTLOGIN_H
#define RISTLOGIN_H

#include <stdbool.h>
#include <stddef.h>

/* As librist's user_verifier_lookup_t; path is that of the file. */
void ristlogin_find(char *user, size_t *verifier_len, char **verifier,
    size_t *salt_len, char **salt, bool *usual, char **modulus, char **generator,
    void *path);

/* One line: true if it is about user, and right. */
bool ristlogin_line(const char *line, const char *user, size_t *verifier_len,
    char **verifier, size_t *salt_len, char **salt);

#endif
