#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/net/wire.h"

/* One chunk; whatever goes wrong freezes the wire where it was. */
static void
append(struct object *o, struct wire *w, const void *data, size_t len)
{
	char line[24];
	int n = snprintf(line, sizeof(line), "%zx\r\n", len);
	struct iovec iov[3] = {
		{ line, (size_t)n }, { (void *)(uintptr_t)data, len },
		{ (char *)(uintptr_t)"\r\n", 2 },
	};
	uint64_t at = atomic_load(&w->len);
	ssize_t want = n + (ssize_t)len + 2;

	if (at + len > WIRE_MAX || !object_take(o, (uint64_t)want) ||
	    pwritev(w->fd, iov, 3, (off_t)at) != want) {
		atomic_store(&w->frozen, true);
		return;
	}
	atomic_fetch_add(&w->data_len, len);
	atomic_store(&w->len, at + (uint64_t)want);
}

/* The next len bytes, of which there is only the file. */
static void
append_file(struct object *o, struct wire *w, size_t len)
{
	char *data = malloc(len);

	if (data != NULL && pread(o->fd, data, len, (off_t)object_len(o)) == (ssize_t)len)
		append(o, w, data, len);
	else
		atomic_store(&w->frozen, true);
	free(data);
}

static struct wire *
make(struct object *o)
{
	uint64_t len = object_len(o);
	struct wire *w = calloc(1, sizeof(*w));
	char *data = len == 0 ? NULL : malloc(len);

	if (w != NULL)
		w->fd = memfd_create("growing object", MFD_CLOEXEC);
	if (w == NULL || w->fd < 0 || (len > 0 && (data == NULL ||
	    pread(o->fd, data, len, 0) != (ssize_t)len))) {
		free(data);
		wire_free(w);
		return NULL;
	}
	if (len > 0)
		append(o, w, data, len);
	free(data);
	return w;
}

struct wire *
wire_of(struct object *o)
{
	pthread_mutex_lock(&o->lock);
	if (o->wire == NULL && object_len(o) <= WIRE_START &&
	    object_state(o) == OBJECT_GROWING)
		o->wire = make(o);
	pthread_mutex_unlock(&o->lock);
	return o->wire;
}

void
wire_grow(struct object *o, const void *data, size_t len)
{
	pthread_mutex_lock(&o->lock);
	if (o->wire != NULL && !atomic_load(&o->wire->frozen) && data == NULL)
		append_file(o, o->wire, len);
	else if (o->wire != NULL && !atomic_load(&o->wire->frozen))
		append(o, o->wire, data, len);
	atomic_fetch_add(&o->len, len);
	pthread_mutex_unlock(&o->lock);
}

void
wire_end(struct object *o, enum object_state state)
{
	static const char last[] = "0\r\n\r\n";
	struct wire *w;

	pthread_mutex_lock(&o->lock);
	w = o->wire;
	if (w != NULL && state == OBJECT_WHOLE && !atomic_load(&w->frozen)) {
		uint64_t at = atomic_load(&w->len);

		if (pwrite(w->fd, last, 5, (off_t)at) == 5) {
			atomic_store(&w->ended, true);
			atomic_store(&w->len, at + 5);
		} else {
			atomic_store(&w->frozen, true);
		}
	}
	atomic_store(&o->state, state);
	pthread_mutex_unlock(&o->lock);
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}
