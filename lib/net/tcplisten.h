/*
 * tcplisten.h - a socket that listens.
 *
 * Shape    host "" is every address of both families: one of IPv6 that takes IPv4, too,
 *          and where there is no IPv6, IPv4.
 * Memory   Gives the descriptor, which does not block.
 * Threads  Any.
 * Errors   Negative errno values; -EINVAL a host that is none.
 */
#ifndef TCPLISTEN_H
#define TCPLISTEN_H

#include <stdbool.h>
#include <stdint.h>

/* *loopback, if it is not NULL: only this machine can come there. */
int tcp_listen(const char *host, uint16_t port, int backlog, bool *loopback);

#endif
