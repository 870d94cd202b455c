import { Component, type ReactNode } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { ComparePage, TasksPage } from '../later';
import { type Place as PlaceName, PlacePage } from '../pages/PlacePage';
import { RunPage } from '../pages/RunPage';
import { RunsPage } from '../pages/RunsPage';
import { Button, Command, Notice } from '../ui/controls';
import { DEFAULT_DOMAIN, DEFAULT_PROJECT, runsAddress } from './address';
import { Shell } from './Shell';

interface Place {
  project: string;
  domain: string;
}

const LAST = 'godwit.place';

function lastPlace(): Place {
  try {
    const place = JSON.parse(localStorage.getItem(LAST) ?? '') as Place;
    if (place.project && place.domain) return place;
  } catch {
    // Nothing was kept, or something else: the usual place it is.
  }
  return { project: DEFAULT_PROJECT, domain: DEFAULT_DOMAIN };
}

type Params = Record<string, string | undefined>;

/** The frame, with the place remembered for the next visit. */
function framed(params: Params, content: (place: Place) => ReactNode, rail = 'runs'): ReactNode {
  const { project = DEFAULT_PROJECT, domain = DEFAULT_DOMAIN, run, other } = params;
  localStorage.setItem(LAST, JSON.stringify({ project, domain }));
  return (
    <Shell project={project} domain={domain} run={run} other={other} place={rail}>
      {content({ project, domain })}
    </Shell>
  );
}

function page(params: Params): ReactNode {
  const { run, other } = params;
  return framed(params, ({ project, domain }) =>
    run && other ? (
      <ComparePage key={`${run}/${other}`} run={{ project, domain, name: run }} other={other} />
    ) : run ? (
      <RunPage key={`${project}/${domain}/${run}`} project={project} domain={domain} run={run} />
    ) : (
      <RunsPage key={`${project}/${domain}`} project={project} domain={domain} />
    ),
  );
}

function tasks(params: Params): ReactNode {
  return framed(params, place => <TasksPage {...place} task={params.name} />, 'tasks');
}

const PLACES: PlaceName[] = ['triggers', 'apps', 'secrets'];

/** Every page has two addresses: the canonical one, and the one that the published SDK prints. */
export function App() {
  const place = lastPlace();
  const home = runsAddress(place.project, place.domain);
  return (
    <Trouble>
      <Switch>
        <Route path="/v2/runs/project/:project/domain/:domain/:run">{page}</Route>
        <Route path="/v2/runs/project/:project/domain/:domain">{page}</Route>
        <Route path="/v2/domain/:domain/project/:project/runs/:run">{page}</Route>
        <Route path="/v2/domain/:domain/project/:project/tracked-runs/:run">{page}</Route>
        <Route path="/v2/domain/:domain/project/:project/runs">{page}</Route>
        <Route path="/v2/runs/project/:project/domain/:domain/:run/compare/:other">{page}</Route>
        <Route path="/v2/domain/:domain/project/:project/runs/:run/compare/:other">{page}</Route>
        <Route path="/v2/tasks/project/:project/domain/:domain/:name?/:version?">{tasks}</Route>
        <Route path="/v2/domain/:domain/project/:project/tasks/:name?/:version?">{tasks}</Route>
        {PLACES.flatMap(name =>
          [
            `/v2/${name}/project/:project/domain/:domain/:name?`,
            `/v2/domain/:domain/project/:project/${name}/:name?`,
          ].map(path => (
            <Route key={path} path={path}>
              {(params: Params) => framed(params, () => <PlacePage place={name} />, name)}
            </Route>
          )),
        )}
        <Route path="/v2">
          <Redirect to={home} replace />
        </Route>
        <Route>
          <Shell project={place.project} domain={place.domain}>
            <main>
              <Notice title="There is no such page" page>
                <p>
                  <code>{location.pathname}</code> is not an address of the console. See{' '}
                  <a href={home}>the list of runs</a>, or in the terminal:
                </p>
                <Command>flyte get run</Command>
              </Notice>
            </main>
          </Shell>
        </Route>
      </Switch>
    </Trouble>
  );
}

/** A page that broke says so instead of going blank. */
class Trouble extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Notice title="This page broke" tone="bad" page>
        <p>{error.message}</p>
        <Button onClick={() => location.reload()}>Reload</Button>
        <pre>{error.stack}</pre>
      </Notice>
    );
  }
}
