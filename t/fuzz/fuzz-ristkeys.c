/*
 * A byte for which side, an address of RIST, a zero, and what is in any file that it
 * names: what is understood is within the limits of librist.
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#if __has_include(<librist/librist.h>)
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *content;
static size_t content_len;

/* No file of that name: what is given. */
static FILE *
open_given(const char *path)
{
	(void)path;
	return content_len > 0 ? fmemopen((void *)(uintptr_t)content, content_len, "r") : NULL;
}

#define fopen(path, mode)	open_given(path)
#include "lib/leg/ristkeys.c"

/* In place of librist's, which is not linked. */
int
rist_peer_config_defaults_set(struct rist_peer_config *c)
{
	*c = (struct rist_peer_config){
		.recovery_maxbitrate = 100000, .recovery_length_min = 1000,
		.recovery_length_max = 1000, .recovery_reorder_buffer = 25,
		.recovery_rtt_min = 50, .recovery_rtt_max = 500, .min_retries = 6,
		.max_retries = 20,
	};
	return 0;
}

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
ended(const char *text, size_t size)
{
	must(memchr(text, '\0', size) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ristkeys k;
	static struct url u;
	char *text, why[UDP_WHY] = "";
	size_t size;
	int r;

	if (len < 1 || (text = malloc(len)) == NULL)
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	size = strlen(text);
	content = data + 1 + size + (size < len - 1);
	content_len = (size_t)(data + len - content);
	if (url_parse(&u, text) < 0) {
		free(text);
		return 0;
	}
	if ((r = ristkeys_get(&k, &u, data[0] % 2 != 0, why)) < 0) {
		must(*why != '\0');
		ended(why, sizeof(why));
		must(*k.peer.secret == '\0' && *k.peer.srp_password == '\0');
	} else {
		const struct rist_peer_config *c = &k.peer;

		ended(c->secret, sizeof(c->secret));
		ended(c->cname, sizeof(c->cname));
		ended(c->miface, sizeof(c->miface));
		ended(c->srp_username, sizeof(c->srp_username));
		ended(c->srp_password, sizeof(c->srp_password));
		ended(k.users, sizeof(k.users));
		must(c->recovery_length_min <= c->recovery_length_max);
		must(c->recovery_rtt_min <= c->recovery_rtt_max);
		must(c->min_retries <= c->max_retries);
		must(c->key_size == 0 ? *c->secret == '\0' :
		    (c->key_size == 128 || c->key_size == 256) && *c->secret != '\0');
		must(k.profile != RIST_PROFILE_SIMPLE || c->key_size == 0);
	}
	ristkeys_clear(&k);
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
