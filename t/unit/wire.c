#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/net/h1.h"
#include "lib/net/metrics.h"
#include "lib/net/object.h"
#include "lib/net/wire.h"
#include "t/tap.h"

static struct object *
new_object(uint64_t limit)
{
	static struct budget budget;

	budget.limit = limit;
	return object_new(memfd_create("test", MFD_CLOEXEC), &budget);
}

static void
grow(struct object *o, const char *text)
{
	if (pwrite(o->fd, text, strlen(text), (off_t)object_len(o)) < 0)
		ok(false, "cannot write");
	wire_grow(o, text, strlen(text));
}

/* Decode what is on the wire. */
static int
decode(const struct wire *w, char *body, size_t size)
{
	char buf[256];
	ssize_t len = pread(w->fd, buf, sizeof(buf), 0);
	struct h1_chunked c = { 0 };
	size_t pos = 0, fill = 0, used;
	int k = H1_MORE;

	while (pos < (size_t)len) {
		struct h1_str data;

		k = h1_chunked_next(&c, buf + pos, (size_t)len - pos, &used, &data);
		pos += used;
		if (k == H1_DATA && fill + data.len < size) {
			memcpy(body + fill, data.p, data.len);
			fill += data.len;
		} else if (k != H1_DATA) {
			break;
		}
	}
	body[fill] = '\0';
	return k;
}

static void
test_wire(void)
{
	struct object *o = new_object(UINT64_MAX);
	struct wire *w;
	char body[64];

	grow(o, "before anyone reads ");
	w = wire_of(o);
	ok(w != NULL && w == wire_of(o), "the first reader has it made, once");
	is(decode(w, body, sizeof(body)), H1_MORE, "it goes on");
	ok(strcmp(body, "before anyone reads ") == 0, "with what was there");
	grow(o, "and after");
	wire_end(o, OBJECT_WHOLE);
	is(decode(w, body, sizeof(body)), H1_END, "it has its end");
	ok(strcmp(body, "before anyone reads and after") == 0, "and all before that");
	ok(atomic_load(&w->ended) && !atomic_load(&w->frozen), "as it says");
	is(atomic_load(&w->data_len), object_len(o), "all of the object is in it");
	object_unref(&o);
	ok(o == NULL, "the last reference is gone");
}

static void
test_failed(void)
{
	struct object *o = new_object(UINT64_MAX);
	struct wire *w = wire_of(o);
	char body[64];

	grow(o, "half");
	wire_end(o, OBJECT_FAILED);
	is(decode(w, body, sizeof(body)), H1_MORE, "what fails has no end");
	is(object_state(o), OBJECT_FAILED, "and says so");
	object_unref(&o);
}

static void
test_frozen(void)
{
	struct object *o = new_object(UINT64_MAX);
	struct wire *w = wire_of(o);
	size_t piece = WIRE_MAX / 4;
	char *data = calloc(1, piece);
	uint64_t at;

	for (int i = 0; i < 3; i++)
		wire_grow(o, data, piece);
	at = atomic_load(&w->len);
	ok(!atomic_load(&w->frozen), "small enough");
	wire_grow(o, data, piece + 1);
	ok(atomic_load(&w->frozen), "too large");
	is(atomic_load(&w->len), at, "the wire stays at a whole chunk");
	is(atomic_load(&w->data_len), 3 * piece, "and knows at which byte");
	is(object_len(o), 4 * piece + 1, "the object goes on");
	wire_end(o, OBJECT_WHOLE);
	is(atomic_load(&w->len), at, "its end is not on the wire");
	free(data);
	object_unref(&o);
	o = new_object(UINT64_MAX);
	atomic_store(&o->len, WIRE_START + 1);
	ok(wire_of(o) == NULL, "nor is a large object copied for a late reader");
	object_unref(&o);
}

static void
test_metrics(void)
{
	char text[128];
	struct metrics m = { .buf = text, .size = sizeof(text) };

	metrics_about(&m, "a_b", "counter", "Help.");
	metrics_add(&m, "a_b", "", 7);
	metrics_add(&m, "a_b", "x=\"y\"", 8);
	metrics_add_ns(&m, "t", "", 1500000000);
	ok(strcmp(text, "# HELP a_b Help.\n# TYPE a_b counter\na_b 7\n"
	    "a_b{x=\"y\"} 8\nt 1.500000000\n") == 0, "the text format");
	while (m.lost == 0 && m.len < sizeof(text))
		metrics_add(&m, "a_b", "", 7);
	ok(m.len < sizeof(text) && strlen(text) < sizeof(text), "stays in its buffer");
}

int
main(void)
{
	test_wire();
	test_failed();
	test_frozen();
	test_metrics();
	return done_testing();
}
