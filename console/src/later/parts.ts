/** What a first look at a run does not need: one file, fetched while nothing else is to be done. */
export { FlowViews } from '../graph/FlowViews';
export { ComparePage } from '../pages/ComparePage';
export { TasksPage } from '../pages/TasksPage';
export { Code } from '../run/Code';
export { Logs } from '../run/Logs';
export { Medium } from '../run/Medium';
export { MergedLogs } from '../run/MergedLogs';
export { Report } from '../run/Report';
export { RerunForm } from '../run/RerunForm';
