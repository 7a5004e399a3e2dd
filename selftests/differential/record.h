/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: one line of text for each operation, and how each kind of answer is
 * written in it. Whoever answers says it with the same words.
 */
#ifndef T1X_RECORD_H
#define T1X_RECORD_H

#include "seq.h"

#define T1X_LINE_MAX 65536
#define T1X_UNWRITTEN 0xdeadbeefUL /* in what a call that succeeds writes to */
#define T1X_INFO_MAX 4096 /* of the buffer for GET_INFO */

/* The line is put together in one place, for one operation at a time */
void t1x_say_nothing(void);
const char *t1x_said(void);
__attribute((format(printf, 1, 2))) void t1x_say(const char *fmt, ...);

/* What a system call returned; errno is still its own */
void t1x_say_ret(long ret);
/* The same for a request to an emulated device, which has a result of its own */
void t1x_say_result(int ret, int result);
/* " bytes" and a hash of them */
void t1x_say_bytes(const void *mem, size_t len);
/* Runs of equal bytes of a bitmap in buf (of R_BUF), and whether more was written */
void t1x_say_bitmap(const unsigned char *buf, const struct op *op);
/* Whose page it is; who is 0 where that is not known */
void t1x_say_place(char who, u64 vaddr);
void t1x_say_callback(enum group group, u64 iova, u64 len);
/* GET_INFO into buf, of which argsz bytes were offered; errno as it left it */
void t1x_say_info(int ret, const void *buf, u32 argsz);
/* Locked pages of both processes, and mappings left to make; -1 where there is none */
void t1x_say_state(long locked, long locked_of_b, long avail);

/* What a device reaches: equal ones that go on where the last has ended are one */
struct t1x_reach {
	u64 iova, size;
	u64 leaf; /* size of the IOMMU pages, or 0 where they are not told */
	bool read, write;
	char who; /* as t1x_say_place() */
	u64 vaddr;
};

void t1x_say_reaches(const struct t1x_reach *reach, int n);

u64 t1x_hash(const void *mem, size_t len);

/* The line of operation n in a record, without its end; "" where it is missing */
const char *t1x_record_line(const char *record, int n, char *buf, size_t len);

#endif
