/*
 * An address of SRT, a zero, and what is in any file that it names: what is understood
 * fits, and is applied as one size or another.  No name is looked up.
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#if __has_include(<srt/srt.h>)
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/udp.h"

static const uint8_t *content;
static size_t content_len;

static FILE *
open_given(const char *path)
{
	(void)path;
	return content_len > 0 ? fmemopen((void *)(uintptr_t)content, content_len, "r") : NULL;
}

static int
resolve(const char *host, uint16_t port, struct sockaddr_storage *sa, socklen_t *len,
    char why[static UDP_WHY])
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };

	snprintf(why, UDP_WHY, "there is no '%.64s'", host);
	if (*host == 'x')
		return -EINVAL;
	memset(sa, 0, sizeof(*sa));
	memcpy(sa, &v4, sizeof(v4));
	*len = sizeof(v4);
	return 0;
}

#define fopen(path, mode)	open_given(path)
#define udp_resolve(host, port, family, sa, len, why)	resolve(host, port, sa, len, why)
#include "lib/leg/srtopts.c"

static void
must(bool good)
{
	if (!good)
		abort();
}

/* In place of libsrt's, which is not linked. */
int
srt_setsockflag(SRTSOCKET u, SRT_SOCKOPT opt, const void *value, int len)
{
	uint8_t all[SRTOPTS_TEXT + 1];

	(void)u;
	must(len > 0 && len < (int)sizeof(all));
	memcpy(all, value, (size_t)len);
	return (int)opt == -1 ? all[0] : 0;
}

const char *
srt_getlasterror_str(void)
{
	return "";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct srtopts o;
	static struct url u;
	char *text = malloc(len + 1), why[UDP_WHY] = "";
	size_t size;

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	size = strlen(text);
	content = data + size + (size < len);
	content_len = (size_t)(data + len - content);
	if (url_parse(&u, text) == 0) {
		if (srtopts_parse(&o, &u, why) == 0) {
			must(o.nset <= SRTOPTS_SET);
			must(memchr(o.streamid, '\0', sizeof(o.streamid)) != NULL);
			must(memchr(o.filter, '\0', sizeof(o.filter)) != NULL);
			must(memchr(o.secret, '\0', sizeof(o.secret)) != NULL);
			must(memchr(o.grants, '\0', sizeof(o.grants)) != NULL);
			must(o.mode == SRTOPTS_LISTENER ? o.has_local : o.has_peer);
			must(srtopts_apply(&o, 0, why) == 0);
		} else {
			must(*why != '\0' && memchr(why, '\0', sizeof(why)) != NULL);
		}
		srtopts_clear(&o);
	}
	free(text);
	return 0;
}
#else
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	(void)data, (void)len;
	return 0;
}
#endif
