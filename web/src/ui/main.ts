import './styles/base.css';
import './styles/pages.css';
import './styles/call.css';
import './styles/tile.css';
import { App } from './app';

new App(document.body).start();
