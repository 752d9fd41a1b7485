#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "ingest/hlsload.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/url.h"

#define ITEM_MAX	(4 << 20)
#define RETRIES		5		/* 0.25, 0.5, 1, 2, 4 s */

static void
out_of_memory(void)
{
	fatal(EXIT_RUNTIME, 0, "out of memory");
}

void
hlsload_set_base(struct hlsload *l, const char *url)
{
	char *copy = strdup(url);

	if (copy == NULL)
		out_of_memory();
	free(l->base);
	l->base = copy;
}

void
hlsload_init(struct hlsload *l, struct fetch *f, const char *name, const char *url,
    uint64_t *retries)
{
	*l = (struct hlsload){ .f = f, .name = name, .retries = retries,
	    .allow_file = strncmp(url, "file:", 5) == 0 };
	hlsload_set_base(l, url);
}

static void
resolve(const struct hlsload *l, const char *uri, char out[static URL_MAX])
{
	int r = url_resolve(l->base, uri, out, URL_MAX);

	if (r < 0)
		fatal(EXIT_INPUT, -r, "'%s': bad address in the playlist", l->name);
	if (!l->allow_file && strncmp(out, "http://", 7) != 0 &&
	    strncmp(out, "https://", 8) != 0)
		fatal(EXIT_INPUT, 0, "'%s': the playlist points to '%s'", l->name, out);
}

static struct fetch_job *
start(const struct hlsload *l, const char *url, struct hls_range range, size_t limit)
{
	struct fetch_request r = {
		.url = url, .limit = limit, .retries = RETRIES,
		.offset = range.offset, .len = range.len > 0 ? range.len : 0,
		.retry_missing = l->live, .allow_file = l->allow_file,
	};
	struct fetch_job *job;

	/* A segment that comes after its time is of no use. */
	if (l->live)
		r.timeout_ns = 2 * l->target_ns > 10 * CLK_SECOND ?
		    2 * l->target_ns : 10 * CLK_SECOND;
	if ((job = fetch_start(l->f, &r)) == NULL)
		out_of_memory();
	return job;
}

struct fetch_job *
hlsload_start(const struct hlsload *l, const char *uri, struct hls_range range,
    size_t limit)
{
	char url[URL_MAX];

	resolve(l, uri, url);
	return start(l, url, range, limit);
}

/* ---- AES-128 */

static int64_t
decrypt(uint8_t *data, size_t len, const uint8_t key[static 16],
    const uint8_t iv[static 16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;
	bool good;

	if (ctx == NULL)
		out_of_memory();
	good = len % 16 == 0 && len > 0 && len <= INT32_MAX &&
	    EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv) == 1 &&
	    EVP_DecryptUpdate(ctx, data, &n, data, (int)len) == 1 &&
	    EVP_DecryptFinal_ex(ctx, data + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good ? n + last : -EBADMSG;
}

int64_t
hlsload_decrypt(uint8_t *data, size_t len, const struct hlsload_item *key,
    const uint8_t iv[static 16])
{
	return key->failed ? -EBADMSG : decrypt(data, len, key->job->data, iv);
}

void
hlsload_iv(const struct hls_key *key, int64_t number, uint8_t iv[static 16])
{
	memcpy(iv, key->iv, 16);
	if (key->has_iv)
		return;
	for (int i = 0; i < 8; i++)
		iv[15 - i] = (uint8_t)(number >> 8 * i);
}

/* ---- maps and keys */

void
hlsload_done(struct hlsload_item *item)
{
	if (item != NULL)
		item->used--;
}

static void
free_item(struct hlsload_item *item)
{
	hlsload_done(item->key);
	fetch_end(item->job);
	free(item->url);
	*item = (struct hlsload_item){ .url = NULL };
}

void
hlsload_clear(struct hlsload *l)
{
	for (unsigned i = 0; i < HLSLOAD_ITEMS; i++)
		free_item(&l->item[i]);
	free(l->base);
}

static struct hlsload_item *
find_item(struct hlsload *l, const char *uri, struct hls_range range,
    int64_t period, bool is_key)
{
	struct hlsload_item *i, *place = NULL;
	char url[URL_MAX];

	resolve(l, uri, url);
	for (i = l->item; i < l->item + HLSLOAD_ITEMS; i++) {
		if (i->url != NULL && i->failed && i->used == 0)
			free_item(i);
		if (i->url != NULL && i->period == period && i->is_key == is_key &&
		    strcmp(i->url, url) == 0 && i->range.offset == range.offset &&
		    i->range.len == range.len) {
			i->used++;
			return i;
		}
		if (i->used == 0 && (place == NULL || i->id < place->id))
			place = i;
	}
	assert(place != NULL);
	free_item(place);
	if ((place->url = strdup(url)) == NULL)
		out_of_memory();
	place->range = range;
	place->period = period;
	place->is_key = is_key;
	place->id = ++l->ids;
	place->used = 1;
	place->job = start(l, url, range, ITEM_MAX);
	return place;
}

struct hlsload_item *
hlsload_key(struct hlsload *l, const struct hls_key *key, int64_t period)
{
	if (key->method != HLS_AES_128 || strcmp(key->keyformat, "identity") != 0)
		fatal(EXIT_INPUT, 0, "'%s' is encrypted by %s for '%s', which cannot be "
		    "read", l->name, key->method_name, key->keyformat);
	return find_item(l, key->uri, (struct hls_range){ 0, -1 }, period, true);
}

struct hlsload_item *
hlsload_map(struct hlsload *l, const struct hls *list,
    const struct hls_segment *segment, int64_t period)
{
	const struct hls_map *map = &list->map[segment->map];
	unsigned before = l->ids;
	struct hlsload_item *item = find_item(l, map->uri, map->range, period, false);

	if (map->key == HLS_NONE || l->ids == before)
		return item;
	item->key = hlsload_key(l, &list->key[map->key], period);
	hlsload_iv(&list->key[map->key], segment->number, item->iv);
	return item;
}

bool
hlsload_settled(const struct hlsload_item *item)
{
	return item->ready || item->failed;
}

static void
fail(struct hlsload_item *i, int error)
{
	i->failed = true;
	i->error = error;
}

static void
tend_item(struct hlsload *l, struct hlsload_item *i)
{
	int64_t len;

	if (i->url == NULL || hlsload_settled(i) || !i->job->done ||
	    (i->key != NULL && !hlsload_settled(i->key)))
		return;
	*l->retries += i->job->failures;
	if (i->job->error < 0) {
		log_warn(0, "cannot read '%s': %s", i->url, i->job->reason);
		fail(i, i->job->error);
		return;
	}
	if (i->is_key && i->job->len != 16) {
		log_warn(0, "'%s' is no key: %zu bytes, not 16", i->url, i->job->len);
		fail(i, -EBADMSG);
		return;
	}
	if (i->key != NULL) {
		len = hlsload_decrypt(i->job->data, i->job->len, i->key, i->iv);
		if (len < 0) {
			log_warn(0, "cannot decrypt '%s'", i->url);
			fail(i, i->key->failed ? i->key->error : -EBADMSG);
			return;
		}
		i->job->len = (size_t)len;
	}
	i->ready = true;
}

void
hlsload_tend(struct hlsload *l)
{
	for (unsigned pass = 0; pass < 2; pass++)	/* keys before maps */
		for (unsigned i = 0; i < HLSLOAD_ITEMS; i++)
			tend_item(l, &l->item[i]);
}
