// Prints the closing line of CI, counted from the test runner's own report, and turns it into the exit code.
import { readFileSync } from 'node:fs';

const [file, failedChecks] = process.argv.slice(2);
let report;
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch (error) {
  process.stderr.write(`no test report: ${error.message}\n`);
  process.exit(1);
}
const skipped = report.numPendingTests + report.numTodoTests;
for (const suite of report.testResults) {
  for (const test of suite.assertionResults) {
    if (test.status === 'pending' || test.status === 'skipped')
      process.stdout.write(`skipped: ${test.fullName}\n`);
  }
}
process.stdout.write(
  `${report.numPassedTests} passed, ${report.numFailedTests} failed, ${skipped} skipped\n`,
);
process.exitCode = failedChecks !== '0' || !report.success || report.numPassedTests === 0 ? 1 : 0;
