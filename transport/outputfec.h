/*
 * outputfec.h - the FEC beside the datagrams of an output, on two ports above theirs.
 *
 *     fec=10x5   fec=10x5,staircase   fec=5x10,columns
 *
 * Spec     SMPTE ST 2022-1, see lib/net/fec2022enc.h: 10x5 is ten columns and five rows,
 *          a packet for each of both; with columns, for those only.
 * Shape    Is given each datagram that has been sent, and sends what is due behind it;
 *          what cannot be sent at once is lost.
 * Memory   output_fec_free() gives all back, and sends what there still is before that.
 * Errors   As output_open().
 */
#ifndef OUTPUTFEC_H
#define OUTPUTFEC_H

#include "lib/base/url.h"
#include "transport/outputkind.h"

struct output_fec;

/* *f is NULL when none is asked for. */
int output_fec_open(struct output_fec **f, struct url *url, char why[static UDP_WHY]);
void output_fec_free(struct output_fec *f);

/* An RTP packet has gone out. */
void output_fec_follow(struct output_fec *f, const uint8_t *p, size_t len);

void output_fec_numbers(const struct output_fec *f, struct numbers *all);

#endif
