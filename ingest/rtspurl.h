/*
 * rtspurl.h - the address of a server of RTSP, for libavformat.
 *
 *     rtsp://host[:port]/path?query#transport=udp&login-file=file
 *     rtsps://host[:port]/path?query#verify=no
 *
 * Spec     RFC 2326 3.2, RFC 3986 (the user part).
 * Shape    The query is the server's; what is ours stands in the fragment.  A password
 *          never stands in the address: its file has a line user:password.
 * Memory   The caller's struct, which holds the secret: rtspurl_clear().
 * Threads  Pure functions.
 * Errors   -EINVAL with a reason as text.
 */
#ifndef RTSPURL_H
#define RTSPURL_H

#include "lib/base/url.h"
#include "lib/base/why.h"

#define RTSPURL_SECRET	512		/* of a user and his password */

struct rtspurl {
	const char *transport;		/* as libavformat calls it */
	char	 login_file[1024];	/* "": none */
	bool	 unverified;		/* rtsps: whoever it is */
	char	 url[URL_MAX + 4 * RTSPURL_SECRET];
};

int rtspurl_parse(struct rtspurl *u, const char *text, char why[static WHY_ROOM]);

/* Put the first line of the file, without its end, into the address. */
int rtspurl_login(struct rtspurl *u, const char *line, char why[static WHY_ROOM]);

void rtspurl_clear(struct rtspurl *u);

#endif
