/*
 * ristwire.h - the numbers of RIST on the wire that are checked for librist.
 *
 * Spec     RFC 3550 6 (RTCP), RFC 3611 (XR), RFC 4585 6.2 (NACK); VSF TR-06-1 5.3,
 *          TR-06-2 5; RFC 8086 (GRE).
 */
#ifndef RISTWIRE_H
#define RISTWIRE_H

#define TYPE_KEEPALIVE	0x88b5		/* of GRE */
#define TYPE_REDUCED	0x88b6
#define TYPE_EAPOL	0x888e
#define PORTS		4		/* header of the reduced overhead */

#define RTCP_FIRST	200		/* types below are RTP */
#define RTCP_SDES	202
#define RTCP_APP	204
#define RTCP_NACK	205
#define RTCP_XR		207
#define NAME_MOST	127		/* of SDES, that librist has room for */

#define EXT_RI		0x52490001	/* its identifier and length */
#define EXT_NULLS	0x8000		/* null packets were left out: */
#define EXT_WHICH	0x7f		/* these */

#endif
