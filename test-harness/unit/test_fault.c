/* links: core/base/fault core/base/safefile core/base/err */
/*
 * test_fault.c - the words for a file that cannot be used, or was not written.
 */
#include <errno.h>

#include "base/fault.h"
#include "sandbox.h"
#include "unit.h"

START_TEST(why_a_file_cannot_be_used)
{
	char why[100] = "untouched";

	sandbox_file("f", 0666, "", 0);
	errno = ENOSPC;
	ck_assert_str_eq(batv_fault(dir, "f", true, BATV_E_IO, why, sizeof why), strerror(ENOSPC));
	errno = ENOSPC;
	ck_assert_str_eq(batv_fault(dir, "f", true, BATV_E_DAMAGED, why, sizeof why),
			 batv_strerror(BATV_E_DAMAGED));
	ck_assert_str_eq(why, "untouched");
	ck_assert_str_eq(batv_fault(dir, "f", true, BATV_E_UNSAFE_FILE, why, sizeof why),
			 "mode is 0666: others may write");
	sandbox_file("g", 0660, "", 0);
	ck_assert_str_eq(batv_fault(dir, "g", false, BATV_E_UNSAFE_FILE, why, sizeof why),
			 "mode is 0660: the group may write");
	ck_assert_str_eq(batv_fault(dir, "g", true, BATV_E_UNSAFE_FILE, why, sizeof why),
			 "nothing is wrong with it now");
}
END_TEST

START_TEST(phrases)
{
	static const enum batv_err of_the_system[] = {BATV_E_IO, BATV_E_SYNC};

	for (size_t i = 0; i < 2; i++) {
		errno = ENOSPC;
		ck_assert_str_eq(batv_fault_phrase(of_the_system[i]), strerror(ENOSPC));
	}
	errno = ENOSPC;
	ck_assert_str_eq(batv_fault_phrase(BATV_E_TOO_LONG), batv_strerror(BATV_E_TOO_LONG));
	ck_assert_str_eq(batv_fault_unwritten(BATV_E_IO, "cannot write it"), "cannot write it");
	ck_assert_ptr_nonnull(
		strstr(batv_fault_unwritten(BATV_E_SYNC, "cannot write it"), "it is written"));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("fault");
	TCase *tc = tcase_create("fault");

	tcase_add_checked_fixture(tc, sandbox_make, sandbox_remove);
	tcase_add_test(tc, why_a_file_cannot_be_used);
	tcase_add_test(tc, phrases);
	suite_add_tcase(s, tc);
	return s;
}
