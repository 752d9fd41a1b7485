#include <stddef.h>

#include "ingest/source.h"

const struct source_type *const source_types[] = {
	&source_file,
	&source_http,
	&source_legs,
	&source_object,
	&source_test,
	&source_udp,
	&source_pull,
	NULL
};
