/* Any answer of a store: no crash, no leak, and what comes out is whole. */
#include <stdlib.h>
#include <string.h>

#include "lib/net/s3list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check(struct s3_list *l, size_t len)
{
	size_t strings = 0;

	must(l->n <= S3_LIST_MAX && (l->next == NULL || *l->next != '\0'));
	for (unsigned i = 0; i < l->n; i++) {
		const struct s3_item *o = &l->item[i];

		must(*o->name != '\0' && o->size >= -1 && o->modified_s >= -100000000000);
		strings += strlen(o->name) + strlen(o->etag) + strlen(o->type) +
		    strlen(o->storage_class);
	}
	/* A byte of Latin-1 is two of UTF-8. */
	must(strings <= 3 * len);
	s3_list_clear(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[64];
	struct s3_list l;
	struct s3_error e;
	unsigned failed;

	if (s3_list_parse_xml(&l, data, len) == 0)
		check(&l, len);
	if (s3_list_parse_uploads(&l, data, len) == 0)
		check(&l, len);
	if (s3_list_parse_json(&l, data, len) == 0)
		check(&l, len);
	if (s3_error_parse(&e, data, len) > 0)
		must(strlen(e.code) < sizeof(e.code) && strlen(e.message) <
		    sizeof(e.message));
	if (s3_xml_text(data, len, "UploadId", text, sizeof(text)) == 0)
		must(*text != '\0' && strlen(text) < sizeof(text));
	if (s3_delete_parse(data, len, &failed, &e) == 0)
		must(failed <= len);
	return 0;
}
