/*
 * ctllist.c - mstore-ctl ls and stat.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/base/clk.h"
#include "lib/base/opt.h"
#include "origin/ctl.h"

struct list {
	const struct ctl *c;
	size_t	 cut;			/* of the folder's own name */
	uint64_t n;
};

static void
date_of(const struct s3_item *o, char out[static CLK_ISO])
{
	char *dot;

	if (o->modified_s < 0) {
		snprintf(out, CLK_ISO, "-");
		return;
	}
	clk_iso(o->modified_s * CLK_SECOND, out);
	if ((dot = strchr(out, '.')) != NULL)
		memcpy(dot, "Z", 2);
}

static void
add_text(json_t *o, const char *name, const char *value)
{
	if (*value != '\0')
		json_object_set_new(o, name, json_string(value));
}

static void
print_json(const struct s3_item *o, const char *name)
{
	char date[CLK_ISO];
	/* A name that is not UTF-8 is no string of JSON. */
	json_t *text = json_string(name);
	json_t *j = json_pack("{sosssI}", "name", text != NULL ? text : json_null(),
	    "type", o->folder ? "folder" : "object", "size", (json_int_t)o->size);

	if (o->size < 0)
		json_object_del(j, "size");
	date_of(o, date);
	if (o->modified_s >= 0)
		add_text(j, "modified", date);
	add_text(j, "content_type", o->type);
	add_text(j, "etag", o->etag);
	add_text(j, "storage_class", o->storage_class);
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

static void
print_item(const struct ctl *c, const struct s3_item *o, const char *name)
{
	char date[CLK_ISO], size[24] = "-";
	bool slash = o->folder && name[strlen(name) - 1] != '/';

	if (c->json) {
		print_json(o, name);
		return;
	}
	if (c->long_form) {
		date_of(o, date);
		if (o->size >= 0)
			snprintf(size, sizeof(size), "%" PRId64, o->size);
		printf("%14s  %-20s  ", size, date);
	}
	printf("%s%s\n", name, slash ? "/" : "");
}

static int
list_item(void *arg, const struct s3_item *o, const char *key)
{
	struct list *l = arg;

	/* S3 may hold an object with the name of the folder. */
	if (key[l->cut] == '\0')
		return 0;
	l->n++;
	print_item(l->c, o, key + l->cut);
	return ferror(stdout) ? -EIO : 0;
}

int
ctl_ls(const struct ctl *c, int argc, char *argv[])
{
	struct s3 *s = ctl_open(c, argv[0]);
	const char *key = s3_address(s)->key, *slash;
	char folder[S3_KEY_MAX + 2];
	struct list l = { .c = c };
	struct s3_item o;
	int r;

	(void)argc;
	ctl_folder(c, key, folder);
	l.cut = strlen(folder);
	r = ctl_walk(s, folder, c->recursive, list_item, &l);
	/* It may be an object, and an empty folder that nobody made is none. */
	if (*key != '\0' && l.n == 0 && (r == 0 || r == -ENOENT)) {
		r = s3_head(s, key, &o);
		if (r == 0) {
			slash = strrchr(key, '/');
			print_item(c, &o, slash == NULL ? key : slash + 1);
			s3_item_clear(&o);
		}
	}
	if (r < 0)
		ctl_fatal(s, r, "list", argv[0]);
	s3_free(s);
	if (fflush(stdout) != 0)
		fatal(EXIT_RUNTIME, errno, "cannot write to standard output");
	return EXIT_SUCCESS;
}

int
ctl_stat(const struct ctl *c, int argc, char *argv[])
{
	struct s3 *s = ctl_open(c, argv[0]);
	const char *key = s3_address(s)->key;
	struct s3_item o;
	char date[CLK_ISO];
	int r;

	(void)argc;
	if (*key == '\0')
		opt_usage(c->help, "stat: '%s' names no object", argv[0]);
	if ((r = s3_head(s, key, &o)) < 0)
		ctl_fatal(s, r, "find", argv[0]);
	if (c->json) {
		print_json(&o, key);
	} else {
		date_of(&o, date);
		printf("name           %s\nsize           %" PRId64 "\nmodified       %s\n"
		    "content type   %s\netag           %s\n", key, o.size, date, o.type,
		    o.etag);
		if (*o.storage_class != '\0')
			printf("storage class  %s\n", o.storage_class);
	}
	s3_item_clear(&o);
	s3_free(s);
	return EXIT_SUCCESS;
}
