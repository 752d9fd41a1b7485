/*
 * relayweb.h - /metrics of mconnect-relay, on an address of its own.
 *
 * Shape    The relay leaves a text each second, the server's thread gives it out: no
 *          one who asks can hold the relay up.
 * Memory   Lives as long as the program: httpd_stop() keeps its loops.
 * Threads  relayweb_set(): the relay's.
 * Errors   Negative errno.
 */
#ifndef RELAYWEB_H
#define RELAYWEB_H

#include <stddef.h>

struct relayweb;

int relayweb_start(struct relayweb **web, const char *listen);
void relayweb_set(struct relayweb *web, const char *text, size_t len);
void relayweb_stop(struct relayweb *web);

#endif
