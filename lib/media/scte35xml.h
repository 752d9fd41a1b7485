/*
 * scte35xml.h - a splice information section as XML.
 *
 * The document type of SCTE 35 for manifests; values as they are on the wire, times
 * without pts_adjustment, which is an attribute of its own.
 *
 * Spec     ANSI/SCTE 35 2022b section 11, namespace SCTE35_XMLNS.
 */
#ifndef SCTE35XML_H
#define SCTE35XML_H

#include "lib/base/text.h"
#include "lib/media/scte35.h"

#define SCTE35_XMLNS	"http://www.scte.org/schemas/35/2016"

/* One element, SpliceInfoSection, on one line; names begin with the prefix "scte35:". */
void scte35_put_xml(const struct scte35 *s, struct text *t);

#endif
