/*
 * A list of files: each name is a path below the folder of the list, or one from the root, or
 * an address of a file; none is a list, and there are no more than lines.  What is wrong
 * says so, and leaves no names.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/listfile.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *list = len > 0 && data[0] & 1 ? "some/list.txt" : "list.txt";
	const char *folder = len > 0 && data[0] & 1 ? "some/" : "./";
	struct listfile l = { .name = NULL };
	char why[WHY_ROOM] = "";
	unsigned lines = 1;
	int r;

	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	r = listfile_parse(&l, list, (const char *)data, len, why);
	must(r == 0 || (r < 0 && *why != '\0' && memchr(why, '\0', sizeof(why)) != NULL &&
	    l.n == 0));
	must(l.n <= lines);
	for (unsigned i = 0; i < l.n; i++) {
		const char *name = l.name[i];

		if (strstr(name, "://") != NULL)
			must(*name == '/' || is_file_address(name));
		else
			must(*name == '/' || strncmp(name, folder, strlen(folder)) == 0);
		must(!listfile_named(name) || strstr(name, "://") != NULL);
	}
	listfile_clear(&l);
	return 0;
}
